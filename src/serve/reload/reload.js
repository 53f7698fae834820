// Loads the page again when arqsite has rebuilt the site, and shows what went wrong when it could not.
(() => {
  "use strict";
  // The build that this page came from; the server names its present one in every event.
  const mine = new URL(document.currentScript.src).searchParams.get("build");
  let source = null;
  let overlay = null;

  function listen() {
    if (source) return;
    source = new EventSource("/.arq/events");
    source.onmessage = (event) => {
      const news = JSON.parse(event.data);
      if (news.build !== mine) location.reload();
      else show(news.trouble);
    };
  }

  // A browser opens six connections to a server: tabs in the background must not keep them.
  function rest() {
    if (source) source.close();
    source = null;
  }

  function show(trouble) {
    if (overlay) overlay.remove();
    overlay = null;
    if (!trouble || document.documentElement.hasAttribute("data-arq-error-page")) return;
    overlay = box(
      "div",
      "position:fixed;inset:0;z-index:2147483647;overflow:auto;background:#1b1116f2;color:#f7eff2;" +
        "font:16px/1.5 system-ui,sans-serif;padding:min(6vw,4rem);box-sizing:border-box;text-align:left",
    );
    overlay.setAttribute("role", "alert");
    overlay.setAttribute("data-arq-trouble", "");
    // A shadow root keeps the site's own styles out.
    const root = overlay.attachShadow({ mode: "open" });
    root.append(box("h1", "font-size:1.5rem;margin:0 0 1rem;color:#ff9db0", trouble.title));
    for (const line of trouble.lines) {
      const part = box("p", "margin:0 0 1rem;white-space:pre-wrap");
      const where = line.file && (line.line ? `${line.file}:${line.line}` : line.file);
      if (where) part.append(box("b", "display:block;font:600 0.9rem ui-monospace,monospace;color:#ffd7a1", where));
      part.append(line.text);
      root.append(part);
    }
    root.append(box("p", "margin:2rem 0 0;opacity:.7", "Behind this lies the site as it was before. Mend the file and save it."));
    document.documentElement.append(overlay);
  }

  function box(name, style, text) {
    const element = document.createElement(name);
    // Set through the object model, which a policy for styles does not forbid.
    element.style.cssText = style;
    if (text) element.textContent = text;
    return element;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
  addEventListener("pagehide", rest);
  addEventListener("pageshow", listen);
  if (!document.hidden) listen();
})();
