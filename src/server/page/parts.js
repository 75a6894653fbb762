// SPDX-License-Identifier: Apache-2.0
// Parts of the page. Whatever comes from the server or a document is set as text, never as markup.

import {Pace} from './server.js';
import {commas, counted, errorWords, methodName, number, percent, reasonOf, timeLeft} from './words.js';

/** An element: attributes by name, `on...` as listeners; children are elements or texts. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (typeof value === 'boolean') element.toggleAttribute(key, value);
    else element.setAttribute(key, value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

// ---- Sentences ----

const kSpec = /[a-z][a-z0-9-]*:[a-z_]\w*=[^\s;,]+(?:,[a-z_]\w*=[^\s;,]+)*/g;
const kMostWhole = 22; // characters that stand in one line on the narrowest screen

/** A method with its parameters. It breaks behind colons and commas, not within a word. */
export function spec(text) {
  const pieces = text.split(/(?<=[:,])/);
  return make('span', {}, ...pieces.flatMap((piece, i) =>
    [...(i ? [make('wbr')] : []), make('span', piece.length <= kMostWhole ? {class: 'whole'} : {}, piece)]));
}

/** A sentence of the server's: its numbers with commas, its methods as spec() has them. What is kept may be no text. */
export function say(sentence) {
  const text = String(sentence), parts = [];
  let end = 0;
  for (const {0: found, index} of text.matchAll(kSpec)) {
    parts.push(commas(text.slice(end, index)), spec(found));
    end = index + found.length;
  }
  return [...parts, commas(text.slice(end))];
}

/** An error: its first sentence, and the rest to be opened. */
export function errorParts(error) {
  const {first, rest} = errorWords(error);
  const shown = make('p', {}, ...say(first)), more = rest.map(words => make('p', {}, ...say(words)));
  return more.length ? [shown, make('details', {}, make('summary', {}, 'More about this error'), ...more)] : [shown];
}

// ---- Document and method ----

/** How long n tokens are beside the trained length. The words say all; the bar is for the eye. */
export function lengthBar(n, trained) {
  const most = Math.max(n, trained) * (n > trained ? 1 : 1.04), share = value => `${100 * value / most}%`;
  const within = make('div', {class: 'within'}), past = make('div', {class: 'past'}), mark = make('div', {class: 'mark'});
  within.style.width = share(Math.min(n, trained));
  past.style.width = share(Math.max(0, n - trained));
  mark.style.left = share(trained);
  const ratio = n / trained;
  const words = n > trained ? `${number(ratio, ratio < 10 ? 1 : 0)} times the ${number(trained)} that the model was trained on`
    : `${percent(ratio)} of the ${number(trained)} that the model was trained on`;
  return [make('div', {class: 'bar', 'aria-hidden': 'true'}, within, past, mark),
    make('p', {}, make('strong', {}, `${number(n)} tokens`), `: ${words}.`)];
}

// The methods that are tried first, in that order.
const kUsual = ['none', 'rerope', 'leaky-rerope', 'self-extend', 'yarn', 'streaming-llm'];

/** A choice of a method: `auto`, the usual ones, the others that the server has, or one as typed. */
export class MethodPicker {
  constructor(place, label, changed) {
    const id = place.id;
    this.select = make('select', {id: `${id}-select`, 'aria-describedby': `${id}-note`, onchange: () => this.#picked()});
    const verbatim = {spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off'};
    this.typed = make('input', {id: `${id}-typed`, type: 'text', ...verbatim, onchange: changed});
    this.typedPart = make('p', {hidden: true}, make('label', {for: `${id}-typed`}, `${label} with parameters`), ' ', this.typed);
    this.note = make('p', {class: 'note', id: `${id}-note`});
    this.changed = changed;
    place.append(make('p', {}, make('label', {for: `${id}-select`}, label), ' ', this.select), this.typedPart, this.note);
  }
  fill(methods, initial) {
    this.methods = methods;
    const names = methods.map(method => method.name), usual = kUsual.filter(name => names.includes(name));
    const group = (label, some) => some.length
      ? [make('optgroup', {label}, ...some.map(name => make('option', {value: name}, methodName(name))))] : [];
    this.select.replaceChildren(make('option', {value: 'auto'}, 'auto'), ...group('Usual', usual),
      ...group('Others', names.filter(name => !usual.includes(name))), make('option', {value: ''}, 'with parameters …'));
    this.value = initial;
  }
  get value() {
    return this.select.value || this.typed.value.trim();
  }
  set value(method) {
    const listed = method === 'auto' || this.methods.some(one => one.name === method);
    this.select.value = listed ? method : '';
    if (!listed) this.typed.value = method;
    this.#show();
  }
  #show() {
    const method = this.methods.find(one => one.name === this.select.value);
    this.typedPart.hidden = this.select.value !== '';
    if (method) {
      const example = method.example && method.example !== method.name ? `; for example ${method.example}` : '';
      this.note.replaceChildren(...say(method.summary + example));
      this.typed.value = method.example || method.name; // where "another" starts from
    } else if (this.select.value === 'auto') {
      this.note.textContent = 'A text that fits in the trained length is read as the model was trained; a longer one ' +
        'by the method that "ropewalk tune" found for this model, or else by a guess.';
    } else {
      this.note.textContent = 'A name with its parameters, for example rerope:window=2048.';
    }
  }
  #picked() {
    this.#show();
    if (!this.select.value) this.typed.focus();
    this.changed();
  }
}

const kEnds = ['. ', '! ', '? ', '.\n', '\n\n', '。', '！', '？'];

/** Says an answer to a screen reader: whole sentences, not each token. */
class Speaker {
  #log = document.getElementById('spoken');
  #rest = '';
  constructor() {
    this.#log.replaceChildren();
  }
  say(text) {
    if (text.trim()) this.#log.append(make('p', {}, text));
  }
  add(text) {
    this.#rest += text;
    const end = Math.max(...kEnds.map(mark => this.#rest.lastIndexOf(mark) + 1));
    if (end > 0) this.say(this.#rest.slice(0, end)), this.#rest = this.#rest.slice(end);
  }
  end() {
    this.say(this.#rest);
    this.#rest = '';
  }
}

/** An answer: how far the reading is, the thoughts, the text, and what is known of it. `begin()` before it is written. */
export class Answer {
  #pace = new Pace();
  #speaker = null;
  #waiting = {text: '', thought: ''};
  #timer = 0;
  constructor(name) {
    this.bar = make('progress', {max: '1', 'aria-label': `Reading, ${name}`});
    this.state = make('p', {class: 'note'});
    this.reading = make('div', {hidden: true}, this.bar, this.state);
    this.thought = make('div', {class: 'thought', dir: 'auto'});
    this.thinking = make('details', {hidden: true}, make('summary', {}, 'Thoughts'), this.thought);
    this.said = make('div', {class: 'said', dir: 'auto'});
    this.empty = make('p', {class: 'empty', hidden: true});
    this.facts = make('p', {class: 'facts'});
    this.error = make('div', {class: 'error', role: 'alert', hidden: true});
    this.element = make('div', {}, this.reading, this.thinking, this.said, this.empty, this.error, this.facts);
  }
  begin() {
    this.#speaker = new Speaker();
    this.#speaker.say('Reading.');
    this.reading.hidden = false;
    this.state.textContent = 'Waiting for the server …';
    this.bar.removeAttribute('value');
  }
  method(method, why) {
    const text = reasonOf(why);
    this.facts.replaceChildren(spec(methodName(method)), text ? `. ${text}` : '');
  }
  progress(progress) {
    const left = this.#pace.left(progress);
    this.bar.value = progress.total ? progress.processed / progress.total : 1;
    this.state.textContent = `Reading: ${number(progress.processed)} of ${number(progress.total)} tokens` +
      (progress.cache ? `, ${number(progress.cache)} of them read before` : '') +
      (left === null ? '' : `; ${timeLeft(left)}`);
  }
  text(text) {
    this.reading.hidden = true;
    this.#later('text', text);
  }
  think(text) {
    this.bar.removeAttribute('value');
    this.state.textContent = 'Thinking …';
    this.thinking.hidden = false;
    this.#later('thought', text);
  }
  /** Tokens are shown some at a time, and the end is followed where it was in sight. */
  #later(key, text) {
    this.#waiting[key] += text;
    this.#timer ||= setTimeout(() => this.#flush(), 40);
  }
  #flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const seen = this.element.getBoundingClientRect().bottom <= window.innerHeight;
    this.said.append(this.#waiting.text);
    this.thought.append(this.#waiting.thought);
    this.#speaker?.add(this.#waiting.text);
    this.#waiting = {text: '', thought: ''};
    if (seen && this.#speaker) this.facts.scrollIntoView({block: 'nearest'});
  }
  /** What was written so far: {text, thought}. */
  get written() {
    this.#flush();
    return {text: this.said.textContent, thought: this.thought.textContent};
  }
  /** `nothing`: why there is no word, where there is none. */
  end(facts, error, nothing = '') {
    this.#flush();
    this.reading.hidden = true;
    if (facts) this.facts.replaceChildren(...say(facts));
    this.error.hidden = !error;
    this.error.replaceChildren(...(error ? errorParts(error) : []));
    this.#showNothing(nothing);
    this.#speaker?.end();
    this.#speaker?.say(nothing);
    this.#speaker?.say(error ? '' : 'End of the answer.');
    this.#speaker = null;
  }
  #showNothing(nothing) {
    this.empty.textContent = nothing;
    this.empty.hidden = !nothing;
    this.said.hidden = Boolean(nothing);
  }
  /** One that was kept. */
  show(turn) {
    this.said.textContent = turn.answer;
    this.thought.textContent = turn.thought ?? '';
    this.thinking.hidden = !turn.thought;
    this.facts.replaceChildren(...say(turn.facts ?? ''));
    this.#showNothing(nothingOf(turn));
    return this;
  }
}

/** Of an answer that has ended: why there is no word in it, or ''. */
export function nothingOf({answer, thought, reason}) {
  if (answer.trim()) return '';
  if (reason === 'length')
    return `The model wrote ${thought ? 'thoughts' : 'white space'} alone, up to the most tokens of an answer (Settings).`;
  if (thought) return 'The model ended after its thoughts, without an answer.';
  return 'The model ended its answer at once, without a word.';
}

/** What is known of an answer that has been written, in one line. */
export function factsOf({method, usage, timings, reason}, stopped) {
  const cached = usage.prompt_tokens_details?.cached_tokens ?? timings.cache_n ?? 0, parts = [];
  if (method) parts.push(methodName(method));
  if (usage.prompt_tokens !== undefined)
    parts.push(`read ${number(usage.prompt_tokens)} tokens` + (cached ? `, ${number(cached)} of them from the cache` : '') +
      (timings.prompt_n && timings.prompt_per_second ? `, ${number(timings.prompt_per_second)} a second` : ''));
  if (usage.completion_tokens !== undefined)
    parts.push(`wrote ${counted(usage.completion_tokens, 'token')}` +
      (timings.predicted_per_second ? `, ${number(timings.predicted_per_second, 1)} a second` : ''));
  if (reason === 'length') parts.push('cut off at the most tokens of an answer (Settings)');
  if (stopped) parts.push('stopped');
  return parts.join(' · ');
}
