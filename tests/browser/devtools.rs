//! Chromium without a window, led through the DevTools protocol: messages of JSON, each ended by a zero byte, over two pipes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A browser with one page.
pub struct Browser {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    next: u64,
    session: Option<String>,
    /// What the page complained of: errors of the console, of scripts and of the browser.
    pub complaints: Vec<String>,
    /// Names of events that came since the last command.
    events: Vec<String>,
    _profile: tempfile::TempDir,
}

/// Without a window, without anything that reaches out.
const FLAGS: &str = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
                     --disable-component-update --disable-sync --disable-extensions --hide-scrollbars --remote-debugging-pipe";

impl Browser {
    /// Starts one and opens an empty page.
    pub fn begin() -> Self {
        let profile = crate::support::scratch();
        // The protocol's pipes are the descriptors 3 and 4.
        let line = format!("exec chromium {FLAGS} --user-data-dir=\"$1\" about:blank 3<&0 4>&1 </dev/null >/dev/null 2>&1");
        let mut command = Command::new("sh");
        command.args(["-c", &line, "sh"]).arg(profile.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sh");
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().expect("a pipe")));
        let mut browser = Self { child, to, from, next: 0, session: None, complaints: Vec::new(), events: Vec::new(), _profile: profile };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let session = browser.call("Target.attachToTarget", json!({"targetId": target["targetId"], "flatten": true}));
        browser.session = session["sessionId"].as_str().map(str::to_string);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Calls a method; its result.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let to = self.to.as_mut().expect("a pipe");
        to.write_all(format!("{message}\0").as_bytes()).and_then(|()| to.flush()).expect("Chromium, which Debian's `chromium` has");
        loop {
            let message = self.message();
            if message["id"] == self.next {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
        }
    }

    fn message(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.from.read_until(0, &mut bytes).expect("a pipe");
        assert_eq!(bytes.pop(), Some(0), "Chromium ended: is `chromium` installed?");
        let message: Value = serde_json::from_slice(&bytes).expect("JSON");
        let (method, params) = (message["method"].as_str().unwrap_or_default(), &message["params"]);
        match method {
            "Log.entryAdded" if params["entry"]["level"] != "verbose" => self.complaints.push(params["entry"]["text"].to_string()),
            "Runtime.exceptionThrown" | "Runtime.consoleAPICalled" => self.complaints.push(params.to_string()),
            "Network.requestWillBeSent" if params["type"] != "Document" => self.complaints.push(params["request"]["url"].to_string()),
            _ => {}
        }
        self.events.push(method.to_string());
        message
    }

    /// Opens a file and waits until it is there.
    pub fn open(&mut self, file: &std::path::Path) {
        self.events.clear();
        self.call("Page.navigate", json!({"url": format!("file://{}", file.display())}));
        while !self.events.iter().any(|event| event == "Page.loadEventFired") {
            self.message();
        }
    }

    /// The value of an expression; the page itself may run no script, we may.
    pub fn evaluate(&mut self, script: &str) -> Value {
        let done = self.call("Runtime.evaluate", json!({"expression": script, "returnByValue": true}));
        assert!(done["exceptionDetails"].is_null(), "{done}");
        done["result"]["value"].clone()
    }

    /// A window this wide, light or dark.
    pub fn window(&mut self, width: u32, scheme: &str) {
        let metrics = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"media": "screen", "features": features}));
    }

    /// As it is printed: a PDF on the page's own paper.
    pub fn paper(&mut self) -> Vec<u8> {
        self.call("Emulation.clearDeviceMetricsOverride", json!({}));
        self.call("Emulation.setEmulatedMedia", json!({"media": "", "features": []}));
        bytes(&self.call("Page.printToPDF", json!({"preferCSSPageSize": true, "printBackground": true}))["data"])
    }

    /// What stands on the screen, all of its height, as PNG.
    pub fn picture(&mut self) -> Vec<u8> {
        bytes(&self.call("Page.captureScreenshot", json!({"format": "png", "captureBeyondViewport": true}))["data"])
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends when its pipe does; the scratch folder must not go before.
        self.to = None;
        let _ = self.child.wait();
    }
}

/// Base64 (RFC 4648).
fn bytes(text: &Value) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.as_str().expect("base64").bytes().filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte));
    let digits: Vec<u32> = digits.map(|digit| u32::try_from(digit).expect("less than 64")).collect();
    let four = |digits: &[u32]| {
        let word = digits.iter().enumerate().fold(0, |word, (at, digit)| word | digit << (18 - 6 * at));
        word.to_be_bytes()[1..digits.len()].to_vec()
    };
    digits.chunks(4).flat_map(four).collect()
}
