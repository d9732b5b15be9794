//! An operation on the page: what it takes, what it answers, and a form to try it. Must not know
//! how requests are sent: that is the script's.

use super::Operation;
use super::html::{escape, prose, resolved, text_of};
use super::schema;
use serde_json::Value;
use std::fmt::Write;

/// The section of an operation.
pub(super) fn section(out: &mut String, document: &Value, entry: &Operation<'_>) {
    let anchor = escape(&entry.anchor);
    let name = text_of(Some(entry.value), "summary")
        .or(text_of(Some(entry.value), "operationId"))
        .unwrap_or("");
    let _ = writeln!(
        out,
        "<section class=\"operation\" id=\"{anchor}\" aria-labelledby=\"{anchor}-h\">\n\
         <h3 id=\"{anchor}-h\">{}</h3>\n<p class=\"route\"><span class=\"method {1}\">{1}</span> \
         <code>{2}</code></p>",
        escape(name),
        entry.method,
        escape(entry.path)
    );
    if let Some(about) = text_of(Some(entry.value), "description") {
        let _ = writeln!(out, "<p class=\"text\">{}</p>", prose(about));
    }
    let parameters = parameters(document, entry);
    parameter_table(out, document, &parameters);
    let content = content(document, entry);
    if let Some((media, body)) = content {
        let of = body.get("schema").unwrap_or(&Value::Null);
        let _ = writeln!(
            out,
            "<h4>Body</h4>\n<p>{} <span class=\"muted\">{}</span></p>",
            schema::line(of),
            escape(media)
        );
        schema::table(out, document, resolved(document, of));
    }
    responses(out, document, entry);
    form(out, entry, &parameters, content);
    out.push_str("</section>\n");
}

fn parameters<'a>(document: &'a Value, entry: &Operation<'a>) -> Vec<&'a Value> {
    let of = |value: &'a Value| value.get("parameters").and_then(Value::as_array);
    let both = [of(entry.item), of(entry.value)];
    both.into_iter()
        .flatten()
        .flatten()
        .map(|found| resolved(document, found))
        .collect()
}

fn parameter_table(out: &mut String, document: &Value, parameters: &[&Value]) {
    if parameters.is_empty() {
        return;
    }
    out.push_str(
        "<h4>Parameters</h4>\n<div class=\"scroll\"><table><thead><tr><th>Name</th><th>In</th>\
         <th>Type</th><th>Meaning</th></tr></thead><tbody>\n",
    );
    for parameter in parameters {
        let required = parameter
            .get("required")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let schema = parameter.get("schema").unwrap_or(&Value::Null);
        let shown = if schema.get("$ref").is_some() {
            schema
        } else {
            resolved(document, schema)
        };
        let _ = writeln!(
            out,
            "<tr><td><code>{}</code>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(text_of(Some(parameter), "name").unwrap_or("")),
            if required {
                " <b title=\"required\">*</b>"
            } else {
                ""
            },
            escape(text_of(Some(parameter), "in").unwrap_or("")),
            schema::line(shown),
            prose(text_of(Some(parameter), "description").unwrap_or(""))
        );
    }
    out.push_str("</tbody></table></div>\n");
}

fn content<'a>(document: &'a Value, entry: &Operation<'a>) -> Option<(&'a str, &'a Value)> {
    let body = resolved(document, entry.value.get("requestBody")?);
    let (media, content) = body.get("content")?.as_object()?.iter().next()?;
    Some((media, content))
}

fn responses(out: &mut String, document: &Value, entry: &Operation<'_>) {
    let Some(all) = entry.value.get("responses").and_then(Value::as_object) else {
        return;
    };
    out.push_str(
        "<h4>Answers</h4>\n<div class=\"scroll\"><table><thead><tr><th>Status</th><th>Meaning</th>\
         <th>Body</th></tr></thead><tbody>\n",
    );
    for (status, response) in all {
        let response = resolved(document, response);
        let content = response.get("content").and_then(Value::as_object);
        let bodies = content
            .into_iter()
            .flatten()
            .filter_map(|(_, body)| body.get("schema"));
        let bodies: Vec<String> = bodies.map(schema::line).collect();
        let about = text_of(Some(response), "description").unwrap_or("");
        // The description is Markdown: its list stands close and with dots.
        let about = about.replace("\n\n- ", "\n- ").replace("\n- ", "\n• ");
        let _ = writeln!(
            out,
            "<tr><td><code>{}</code></td><td class=\"text\">{}</td><td>{}</td></tr>",
            escape(status),
            prose(&about),
            bodies.join(", ")
        );
    }
    out.push_str("</tbody></table></div>\n");
}

fn form(
    out: &mut String,
    entry: &Operation<'_>,
    parameters: &[&Value],
    content: Option<(&str, &Value)>,
) {
    let _ = writeln!(
        out,
        "<details class=\"try\"><summary>Try it</summary>\n<form data-method=\"{}\" data-path=\"{}\">",
        entry.method,
        escape(entry.path)
    );
    for parameter in parameters {
        let name = escape(text_of(Some(parameter), "name").unwrap_or(""));
        let place = escape(text_of(Some(parameter), "in").unwrap_or("query"));
        let required = parameter
            .get("required")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let example = parameter.get("example").filter(|_| required);
        let example = example.map(|value| value.as_str().map_or(value.to_string(), str::to_owned));
        let _ = writeln!(
            out,
            "<label>{name} <input data-in=\"{place}\" name=\"{name}\" value=\"{}\"{}></label>",
            escape(&example.unwrap_or_default()),
            if required && place == "path" {
                " required"
            } else {
                ""
            }
        );
    }
    if let Some((media, body)) = content {
        let example =
            example(body).map(|value| serde_json::to_string_pretty(value).unwrap_or_default());
        let _ = writeln!(
            out,
            "<label>Body <textarea name=\"body\" data-media=\"{}\" rows=\"8\" spellcheck=\"false\">\
             {}</textarea></label>",
            escape(media),
            escape(&example.unwrap_or_else(|| "{}".to_owned()))
        );
    }
    out.push_str(
        "<button type=\"submit\">Send</button>\n<pre class=\"answer\" role=\"status\" \
         aria-live=\"polite\" tabindex=\"0\" hidden></pre>\n</form></details>\n",
    );
}

fn example(body: &Value) -> Option<&Value> {
    let first = body
        .get("examples")
        .and_then(Value::as_object)
        .and_then(|all| all.values().next());
    body.get("example")
        .or(first.and_then(|example| example.get("value")))
}
