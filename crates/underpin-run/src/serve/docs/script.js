"use strict";
const token = document.getElementById("token");
token.value = sessionStorage.getItem("token") || "";
token.addEventListener("input", () => sessionStorage.setItem("token", token.value.trim()));

const find = document.getElementById("find");
find.addEventListener("input", () => {
  const wanted = find.value.toLowerCase();
  for (const item of document.querySelectorAll("nav li")) {
    item.hidden = !item.textContent.toLowerCase().includes(wanted);
  }
});
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName);
  if (event.key === "/" && !typing) {
    event.preventDefault();
    find.focus();
  }
});

async function send(form) {
  const answer = form.querySelector(".answer");
  const headers = { Accept: "application/json, application/problem+json" };
  let path = form.dataset.path;
  const query = new URLSearchParams();
  for (const input of form.querySelectorAll("input[data-in]")) {
    const value = input.value;
    if (input.dataset.in === "path") {
      path = path.replace(`{${input.name}}`, encodeURIComponent(value));
    } else if (value && input.dataset.in === "query") {
      query.append(input.name, value);
    } else if (value && input.dataset.in === "header") {
      headers[input.name] = value;
    }
  }
  if (token.value.trim()) headers.Authorization = `Bearer ${token.value.trim()}`;
  const body = form.querySelector("textarea");
  if (body) headers["Content-Type"] = body.dataset.media;
  const target = path + (query.size ? `?${query}` : "");
  answer.hidden = false;
  answer.textContent = "…";
  try {
    const options = { method: form.dataset.method.toUpperCase(), headers };
    if (body) options.body = body.value;
    const response = await fetch(target, options);
    let text = await response.text();
    try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: as it came */ }
    const shown = ["location", "etag", "link", "retry-after", "x-request-id"]
      .filter((name) => response.headers.has(name))
      .map((name) => `${name}: ${response.headers.get(name)}`);
    answer.textContent = [`${response.status} ${response.statusText}`, ...shown, "", text].join("\n");
  } catch (error) {
    answer.textContent = String(error);
  }
}
for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", (event) => { event.preventDefault(); send(form); });
}
