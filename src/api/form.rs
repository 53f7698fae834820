//! What a browser that posts a plain form is shown when it cannot be taken.

use super::problem::Problem;

/// A small page that says what to mend. The browser's own "back" brings the filled form again.
pub fn page(problem: &Problem) -> String {
    let mut items = String::new();
    for error in &problem.errors {
        items.push_str(&format!("<li><strong>{}</strong> {}</li>", escape(&error.field), escape(&error.message)));
    }
    let list = if items.is_empty() { String::new() } else { format!("<ul>{items}</ul>") };
    let detail = if problem.detail.is_empty() { String::new() } else { format!("<p>{}</p>", escape(&problem.detail)) };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
         <title>{title}</title><style>:root{{color-scheme:light dark}}\
         body{{font:1.1rem/1.6 system-ui,sans-serif;max-width:36rem;margin:12vh auto;padding:0 1.5rem}}</style></head>\
         <body><main><h1>{title}</h1>{detail}{list}<p>Please go back, mend it, and send it again. \
         What you wrote is still in the form.</p></main></body></html>",
        title = escape(problem.title),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
