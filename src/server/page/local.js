// SPDX-License-Identifier: Apache-2.0
// What stays in the browser: the text of a file that is given, and the conversations that were held.

// ---- Files ----

const kElsewhere = /\.(pdf|epub|docx?|odt|rtf|pptx?|xlsx?)$/i;
const kHtml = /\.(html?|xhtml)$/i;
// Of an HTML page: what is no text, and what stands on lines of its own.
const kNoText = new Set(['SCRIPT', 'STYLE', 'NOSCRIPT', 'TEMPLATE', 'HEAD', 'SVG', 'IFRAME', 'OBJECT', 'SELECT', 'BUTTON']);
const kBlock = new Set(['ADDRESS', 'ARTICLE', 'ASIDE', 'BLOCKQUOTE', 'DD', 'DIV', 'DL', 'DT', 'FIGCAPTION', 'FIGURE',
  'FOOTER', 'H1', 'H2', 'H3', 'H4', 'H5', 'H6', 'HEADER', 'HR', 'LI', 'MAIN', 'NAV', 'OL', 'P', 'PRE', 'SECTION', 'TABLE',
  'TR', 'UL']);

/** The text of an HTML page. It is parsed as a document of its own: nothing of it runs, is fetched or shown. */
export function textOfHtml(html) {
  const parts = [];
  let spaced = true; // whether what is there ends in white space
  const add = text => {
    if (text) parts.push(text), spaced = /\s/.test(text.at(-1));
  };
  // Not recursive: a hostile page may be nested deeper than a call stack is.
  const work = [{node: new DOMParser().parseFromString(html, 'text/html').documentElement, keep: false}];
  while (work.length) {
    const {node, keep, end} = work.pop(), name = node?.nodeName.toUpperCase();
    if (end) {
      add(end);
    } else if (node.nodeType === Node.TEXT_NODE) {
      const words = keep ? node.data : node.data.replace(/\s+/g, ' ');
      add(!keep && spaced && words[0] === ' ' ? words.slice(1) : words);
    } else if (name === 'BR') {
      add('\n');
    } else if (node.nodeType === Node.ELEMENT_NODE && !kNoText.has(name)) {
      const edge = kBlock.has(name) ? '\n\n' : name === 'TD' || name === 'TH' ? ' ' : '';
      add(edge);
      if (edge) work.push({end: edge});
      for (let child = node.lastChild; child; child = child.previousSibling)
        work.push({node: child, keep: keep || name === 'PRE'});
    }
  }
  return parts.join('').split('\n').map(line => line.trimEnd()).join('\n').replace(/\n{3,}/g, '\n\n').trim();
}

function decoded(bytes, notes) {
  const begins = (a, b) => bytes[0] === a && bytes[1] === b;
  const encoding = begins(0xFF, 0xFE) ? 'utf-16le' : begins(0xFE, 0xFF) ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, {fatal: true}).decode(bytes);
  } catch {
    if (bytes.includes(0)) throw new Error('This is no text. Text, Markdown and HTML can be read here.');
    notes.push('It is not UTF-8; read as Windows-1252.');
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/** {name, text, note} of a file. Errors: Error, in words for people, for what is no text. */
export async function readFile(file) {
  const first = new TextDecoder('windows-1252').decode(await file.slice(0, 4).arrayBuffer());
  if (kElsewhere.test(file.name) || first === '%PDF' || first === 'PK\x03\x04')
    throw new Error(`${file.name} is no plain text. This page reads text, Markdown and HTML; ` +
      '"ropewalk generate -f" reads PDF, EPUB, DOCX and ODT too.');
  if (file.size > 64 * 1024 * 1024)
    throw new Error(`${file.name} is too long: ${Math.round(file.size / 1048576)} MiB, and a request holds 8 MiB.`);
  const notes = [];
  let text = decoded(new Uint8Array(await file.arrayBuffer()), notes);
  if (text.includes('\0')) throw new Error(`${file.name} is no text. Text, Markdown and HTML can be read here.`);
  if (kHtml.test(file.name) || file.type === 'text/html') {
    text = textOfHtml(text);
    notes.push('Only the text of the HTML is read.');
  }
  if (!text.trim()) throw new Error(`There is no text in ${file.name}.`);
  return {name: file.name, text, note: notes.join(' ')};
}

export const firstWords = text => text.slice(0, 400).replace(/\s+/g, ' ').trim().slice(0, 240);

// ---- History ----

const kPrefix = 'ropewalk/conversation/';
const kMostConversations = 50;
const kMostText = 300000; // characters of a document that is kept whole

/** localStorage, or null where the browser forbids it. */
function storage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

const isText = value => typeof value === 'string';
const isDate = value => Number.isFinite(value) && Number.isFinite(new Date(value).getTime());

/** A conversation out of the storage, which any page of this address can write to: null for what is none. */
function parsed(json) {
  try {
    const c = JSON.parse(json), d = c.document;
    const whole = isText(c.id) && isText(c.title) && isDate(c.when) && Array.isArray(c.turns) &&
      c.turns.every(turn => isText(turn.question) && isText(turn.answer)) &&
      (d === null || (isText(d.name) && isText(d.first) && Number.isFinite(d.chars) && (d.text === null || isText(d.text))));
    return whole ? c : null;
  } catch {
    return null;
  }
}

/** All that are kept, the newest first. */
export function kept() {
  const store = storage(), all = [];
  for (let i = 0; store && i < store.length; ++i) {
    const key = store.key(i);
    const one = key.startsWith(kPrefix) ? parsed(store.getItem(key)) : null;
    if (one) all.push(one);
  }
  return all.sort((a, b) => b.when - a.when);
}

export const newId = () => Date.now().toString(36) + Math.random().toString(36).slice(2, 8);
export const load = id => parsed(storage()?.getItem(kPrefix + id) ?? 'null');
export const remove = id => storage()?.removeItem(kPrefix + id);

function put(conversation) {
  try {
    storage().setItem(kPrefix + conversation.id, JSON.stringify(conversation));
    return true;
  } catch {
    return false; // no room
  }
}

const withoutText = conversation => ({...conversation, document: {...conversation.document, text: null}});

/** Keeps it; returns what a person should know of that, or ''. Where room is short, texts of documents go first. */
export function keep(conversation) {
  if (!storage()) return 'This browser keeps no conversations for this page.';
  let mine = conversation, note = '';
  const shorten = () => {
    mine = withoutText(mine);
    note = 'Of the document only the name and the first words are kept: it is too long for the history.';
  };
  if (mine.document?.text?.length > kMostText) shorten();
  const others = kept().filter(other => other.id !== mine.id);
  for (const old of others.splice(kMostConversations - 1)) remove(old.id);
  while (!put(mine)) {
    const text = others.findLastIndex(other => other.document?.text);
    if (text >= 0) {
      others[text] = withoutText(others[text]);
      put(others[text]); // shorter than it was
    } else if (mine.document?.text) {
      shorten();
    } else if (others.length) {
      remove(others.pop().id);
      note = 'The history was full: the oldest conversations were deleted.';
    } else {
      remove(mine.id); // rather than an older state of it
      return 'There is no room in this browser to keep the conversation.';
    }
  }
  return note;
}

// ---- Colours ----

const kColours = 'ropewalk/colours';

export const wantedColours = () => storage()?.getItem(kColours);
export function keepColours(colours) {
  try {
    if (colours) storage()?.setItem(kColours, colours);
    else storage()?.removeItem(kColours);
  } catch { /* no room: they hold until the page is left */ }
}
