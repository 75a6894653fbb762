# SPDX-License-Identifier: Apache-2.0
"""Can everybody use what a page shows: names, headings, contrast, focus. As far as a program can see; axe-core sees more."""

# Ratio of each text to what is behind it, after WCAG 2.2, 1.4.3; colours may be of any form that a canvas reads.
CONTRAST = """(() => {
  const pen = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const read = colour => { pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const light = c => [0.2126, 0.7152, 0.0722].reduce((sum, part, i) => { const v = c[i] / 255;
    return sum + part * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); }, 0);
  const behind = e => { const layers = [];
    for (let at = e; at; at = at.parentElement) layers.push(read(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]); };
  const bad = [];
  for (const e of document.body.querySelectorAll('*')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) ||
      (e.matches('select, textarea, input') && e.value);
    if (!own || !e.checkVisibility({checkVisibilityCSS: true})) continue;
    if (e.closest('.unseen, [aria-disabled=true], noscript')) continue;
    const style = getComputedStyle(e), ground = behind(e), ink = over(read(style.color), ground);
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5))
      bad.push(`contrast ${ratio.toFixed(2)} of <${e.localName} class='${e.className}'> ${e.textContent.trim().slice(0, 40)}`);
  }
  return bad;
})()"""

# Headings in order, ids once, every reference to an id met, no small target.
STRUCTURE = """(() => {
  const bad = [], seen = e => e.checkVisibility({checkVisibilityCSS: true});
  let level = 0;
  for (const e of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
    if (!seen(e)) continue;
    const mine = Number(e.localName[1]);
    if (mine > level + 1) bad.push(`heading ${mine} after ${level}: ${e.textContent.slice(0, 40)}`);
    level = mine;
  }
  if ([...document.querySelectorAll('h1')].filter(seen).length !== 1) bad.push('not one first heading');
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  for (const id of new Set(ids)) if (ids.filter(other => other === id).length > 1) bad.push(`id ${id} twice`);
  for (const name of ['for', 'aria-labelledby', 'aria-describedby', 'aria-controls'])
    for (const e of document.querySelectorAll(`[${name}]`))
      for (const id of e.getAttribute(name).split(' ')) if (!ids.includes(id)) bad.push(`${name}: no ${id}`);
  for (const name of ['main', 'header', 'aside', 'footer'])
    if (document.querySelectorAll(`body > ${name}`).length !== 1) bad.push(`landmark ${name}`);
  for (const e of document.querySelectorAll('button, select, input, summary')) {
    const {width, height} = e.getBoundingClientRect();
    if (seen(e) && e.type !== 'checkbox' && (width < 24 || height < 24))
      bad.push(`small: ${e.id || e.textContent} ${width} x ${height}`);
  }
  for (const e of document.querySelectorAll('[style], [onclick], style, script:not([src])'))
    if (!e.closest('.bar')) bad.push(`the content policy forbids it: <${e.localName}> ${e.id}`);
  return bad;
})()"""

CONTROLS = {"button", "textbox", "combobox", "checkbox", "spinbutton", "tab", "link", "progressbar", "tabpanel", "region",
            "complementary"}


def troubles(browser):
    """What is wrong with the page as it is now, a line each."""
    bad = browser.run(CONTRAST) + browser.run(STRUCTURE)
    for node in browser.send("Accessibility.getFullAXTree")["nodes"]:
        role = node.get("role", {}).get("value")
        if not node.get("ignored") and role in CONTROLS and not node.get("name", {}).get("value", "").strip():
            bad.append(f"a {role} without a name")
    return bad


STOP = """((e, style) => e === document.body ? null : {
  id: e.id, name: e.localName, text: e.textContent.trim().slice(0, 30),
  seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
})(document.activeElement, getComputedStyle(document.activeElement))"""


def walk(browser, most=60):
    """Where Tab goes, from the begin of the page until it leaves it: [{id, name, seen: whether the focus shows}]."""
    browser.run("document.activeElement.blur(); window.scrollTo(0, 0)")
    stops = []
    for _ in range(most):
        browser.press("Tab")
        stop = browser.run(STOP)
        if stop is None or (stops and stop == stops[0]):
            break
        stops.append(stop)
    return stops


def axe(browser, path):
    """What axe-core finds."""
    browser.run(f"if (!window.axe) {{ {path.read_text()} }}")
    return browser.run("""axe.run(document, {resultTypes: ['violations']}).then(result => result.violations.map(found =>
      `${found.id} (${found.impact}): ${found.nodes.slice(0, 3).map(node => node.target.join(' ')).join(', ')}`))""")


def by_keyboard(test, check, idle):
    """Everything can be reached with Tab and is seen to be; a question is asked without the mouse."""
    reached = walk(test.b)
    check(reached and reached[0]["id"] == "", f"first the way to the question: {reached[:1]}")
    for wanted in ("colours", "file", "method-select", "tab-ask", "question", "ask", "begin"):
        check(any(stop["id"] == wanted for stop in reached), f"Tab reaches {wanted}")
    check(not any(stop["id"] == "tab-compare" for stop in reached), "tabs are one stop")
    for stop in reached:
        check(stop["seen"], f"the focus is seen at {stop}")
    test.b.run("document.activeElement.blur(); window.scrollTo(0, 0)")
    test.b.run("document.querySelector('.skip').focus()")
    test.b.press("Enter")
    check(test.b.run("document.activeElement.id") == "question", "the skip link")
    test.b.type("Who are you?")
    test.b.press("Enter", shift=True)
    check(test.count(".turn") == 0, "Shift+Enter begins a line")
    test.b.press("Tab")
    test.b.press(" ")
    check(test.b.wait("document.querySelectorAll('.turn').length === 1", 10) and test.b.wait(idle), "asked by the button")
    check(test.text(".said").strip(), f"a question without a document: {test.text('.turn')}")
    test.b.run("document.getElementById('tab-ask').focus()")
    test.b.press("ArrowRight")
    check(test.b.run("!document.getElementById('panel-compare').hidden"), "arrows change the tab")
