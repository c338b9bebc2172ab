//! The shape of `submissions`.

use super::{map, text, word};
use crate::schema::{Field, Type};

/// Documents that a running service is given.
pub fn submission() -> Type {
    let leader = vec![
        Field::new("path", Type::text(), "what an instance is asked").required(),
        Field::new("leads", text(), "pattern of grep -E that its answer matches when it leads, a template").required(),
        Field::new("ready", text(), "the same for one that can take documents, a template"),
        Field::new("waits", Type::text(), "what one lacks that leads and is not ready"),
    ];
    let list = vec![
        Field::new("path", Type::text(), "path of the list of all documents").required(),
        Field::new("items", text(), "the list in `answer`, an expression").required(),
        Field::new("key", text(), "what `item` goes by, an expression").required(),
        Field::new("running", text(), "how many of `item` run, an expression"),
        Field::new("wanted", text(), "how many should, an expression"),
    ];
    Type::Object(vec![
        Field::new("nouns", Type::list(Type::text()), "what they are called: one, several").required(),
        Field::new("documents", Type::text(), "setting that holds them, a list of objects").required(),
        Field::new("key", text(), "what `item` goes by, a template").required(),
        Field::new("service", word(), "service that takes them").required(),
        Field::new("path", text(), "path of one, a template over `key` and `item`").required(),
        Field::new("there", text(), "pattern of grep -E that the answer about one that is there matches, a template").required(),
        Field::new("file", text(), "file on the host that holds it, a template").required(),
        Field::new("login", text(), "file on the host with `user:password`, a template"),
        Field::new("leader", Type::Object(leader), "how an instance is asked whether it leads").required(),
        Field::new("seconds", Type::Int { min: 1, max: 86_400 }, "how long a host tries"),
        Field::new("list", Type::Object(list), "how all of them are read").required(),
        Field::new("busy", Type::text(), "path of the list of what is still being done"),
        Field::new("force", Type::text(), "what is added to a path to override a lock"),
        Field::new("chosen", map(Type::AnyScalar), "values of fields that stand for whatever the service chooses"),
        Field::new("paths", Type::list(Type::text()), "fields with paths, of which the first slash says nothing"),
    ])
}
