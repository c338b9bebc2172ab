//! Documents that a running service is given once it serves, such as what a scheduler shall run. Whoever is first gives each
//! of them once; afterwards they belong to who operates the cluster.

use super::Snippet;
use crate::diag::Spanned;

/// Documents of one kind, and how a service takes them, over HTTP and as JSON.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Its name.
    pub name: String,
    /// What its documents are called, for people: singular and plural.
    pub nouns: (String, String),
    /// The setting that holds them: a list of objects.
    pub documents: Spanned<String>,
    /// What a document goes by; a template over `item`.
    pub key: Snippet,
    /// Who takes them: every host that runs it may submit. Its `status` says on which port it answers, and which login it asks for.
    pub service: Spanned<String>,
    /// Path of one document, which GET reads (404: it is not there) and PUT writes; a template over `key` and `item`.
    pub path: Snippet,
    /// Extended regular expression that the service's answer about a document of its own matches; a template as above.
    pub there: Snippet,
    /// The file on the host that holds a document; a template as above.
    pub file: Snippet,
    /// File on the host with `user:password`; a template, used where the service asks for a login.
    pub login: Option<Snippet>,
    /// How a host sees whether its own instance of the service may be given documents.
    pub leader: Leader,
    /// How long a host tries, in seconds.
    pub seconds: i64,
    /// How all documents of the service are read.
    pub list: List,
    /// Path of the list of what is still being done; it is empty when all is done.
    pub busy: Option<String>,
    /// What is added to a path to override a lock.
    pub force: Option<String>,
    /// Values of fields, by the field's name, that stand for whatever the service chooses.
    pub chosen: Vec<(String, serde_json::Value)>,
    /// Fields with paths: one slash at their beginning says nothing.
    pub paths: Vec<String>,
}

/// Who leads, as an instance says itself.
#[derive(Clone, Debug)]
pub struct Leader {
    /// What it is asked.
    pub path: String,
    /// Extended regular expression that its answer matches when it leads; a template that sees the host.
    pub leads: Snippet,
    /// The same for one that is ready to take documents.
    pub ready: Option<Snippet>,
    /// What it lacks when it leads and is not ready, for people.
    pub waits: String,
}

/// The list of all documents.
#[derive(Clone, Debug)]
pub struct List {
    /// Its path.
    pub path: String,
    /// The list in `answer`, an expression.
    pub items: Snippet,
    /// What an `item` goes by, an expression.
    pub key: Snippet,
    /// How many of it run and how many should, expressions over `item`.
    pub running: Option<(Snippet, Snippet)>,
}
