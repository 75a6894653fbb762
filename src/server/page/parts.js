// SPDX-License-Identifier: Apache-2.0
// Parts of the page. Whatever comes from the server or a document is set as text, never as markup.

import {Pace} from './server.js';

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

export const number = (value, digits = 0) =>
  value.toLocaleString('en', {minimumFractionDigits: digits, maximumFractionDigits: digits});
const percent = share => `${number(100 * share)} %`;

export function time(seconds) {
  if (seconds < 1.5) return '1 second';
  if (seconds < 100) return `${Math.round(seconds)} seconds`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} minutes` : `${number(seconds / 3600, 1)} hours`;
}

export function errorText(error) {
  return error.param ? `${error.message} (${error.param})` : error.message;
}

/** "auto takes yarn: tuned at 8192 tokens" of a reason that may begin with the method, or be none. */
export const because = (method, why) => method + (why ? `: ${why.replace(/^\S+: /, '')}` : '');

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

/** A choice of a method: those that the server has, `auto`, or one as typed. */
export class MethodPicker {
  constructor(place, label, changed) {
    const id = place.id;
    this.select = make('select', {id: `${id}-select`, 'aria-describedby': `${id}-note`, onchange: () => this.#picked()});
    const verbatim = {spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off'};
    this.typed = make('input', {id: `${id}-typed`, type: 'text', ...verbatim, onchange: changed});
    this.typedPart = make('p', {hidden: true}, make('label', {for: `${id}-typed`}, `${label}, as typed`), ' ', this.typed);
    this.note = make('p', {class: 'note', id: `${id}-note`});
    this.changed = changed;
    place.append(make('p', {}, make('label', {for: `${id}-select`}, label), ' ', this.select), this.typedPart, this.note);
  }
  fill(methods, initial) {
    this.methods = methods;
    const named = methods.map(method => make('option', {value: method.name}, method.name));
    this.select.replaceChildren(make('option', {value: 'auto'}, 'auto'), ...named, make('option', {value: ''}, 'another …'));
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
      this.note.textContent = method.summary + example;
      this.typed.value = method.example || method.name; // where "another" starts from
    } else if (this.select.value === 'auto') {
      this.note.textContent = 'Plain RoPE while the text fits the trained length; past it what was tuned, or did best.';
    } else {
      this.note.textContent = 'With parameters, as the command line takes it: name:parameter=value.';
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
    this.facts = make('p', {class: 'facts'});
    this.error = make('p', {class: 'error', role: 'alert', hidden: true});
    this.element = make('div', {}, this.reading, this.thinking, this.said, this.error, this.facts);
  }
  begin() {
    this.#speaker = new Speaker();
    this.#speaker.say('Reading.');
    this.reading.hidden = false;
    this.state.textContent = 'Waiting for the server …';
    this.bar.removeAttribute('value');
  }
  method(method, why) {
    this.facts.textContent = because(method, why);
  }
  progress(progress) {
    const left = this.#pace.left(progress);
    this.bar.value = progress.total ? progress.processed / progress.total : 1;
    this.state.textContent = `Reading: ${number(progress.processed)} of ${number(progress.total)} tokens` +
      (progress.cache ? `, ${number(progress.cache)} of them read before` : '') +
      (left === null ? '' : `; about ${time(left)} left`);
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
  end(facts, error) {
    this.#flush();
    this.reading.hidden = true;
    if (facts) this.facts.textContent = facts;
    this.error.hidden = !error;
    this.error.textContent = error ?? '';
    this.#speaker?.end();
    this.#speaker?.say(error ? '' : 'End of the answer.');
    this.#speaker = null;
  }
  /** One that was kept. */
  show(turn) {
    this.said.textContent = turn.answer;
    this.thought.textContent = turn.thought ?? '';
    this.thinking.hidden = !turn.thought;
    this.facts.textContent = turn.facts ?? '';
    return this;
  }
}

/** What is known of an answer that has been written, in one line. */
export function factsOf({method, usage, timings, reason}, stopped) {
  const cached = usage.prompt_tokens_details?.cached_tokens ?? timings.cache_n ?? 0, parts = [];
  if (method) parts.push(method);
  if (usage.prompt_tokens !== undefined)
    parts.push(`read ${number(usage.prompt_tokens)} tokens` + (cached ? `, ${number(cached)} of them from the cache` : '') +
      (timings.prompt_n && timings.prompt_per_second ? `, ${number(timings.prompt_per_second)} a second` : ''));
  if (usage.completion_tokens !== undefined)
    parts.push(`wrote ${number(usage.completion_tokens)}` +
      (timings.predicted_per_second ? `, ${number(timings.predicted_per_second, 1)} a second` : ''));
  if (reason === 'length') parts.push('cut at its most tokens (Settings)');
  if (stopped) parts.push('stopped');
  return parts.join(' · ');
}

/** The evidence of a check: its line, and the numbers behind it. */
export function evidence({line, check}, method) {
  const {truncation} = check;
  const keys = share => `${number(share.found)} of ${number(share.of)} (${number(100 * share.low)} to ${percent(share.high)})`;
  const row = (name, here, there) => make('tr', {}, make('th', {scope: 'row'}, name), make('td', {}, here),
    truncation ? make('td', {}, there) : null);
  const head = ['', 'This method', ...(truncation ? [`Truncation to ${number(truncation.told)}`] : [])];
  const rows = [row('Keys found', keys(check.keys), truncation && keys(truncation.keys)),
    row(`Loss of the last ${number(check.tail)} tokens`, number(check.loss, 3), truncation && number(truncation.loss, 3))];
  const notes = ['In brackets: 95 % interval. Loss in nats a token, less is better; of one text, no claim about others.'];
  if (truncation?.can_tell) notes.unshift(`That it finds no more than truncation: p ${truncation.p.toPrecision(2)}.`);
  else if (truncation) notes.unshift('Too few keys to tell it from truncation.');
  return [make('p', {class: 'lead line'}, line),
    make('div', {class: 'scroll'}, make('table', {},
      make('caption', {}, `${method}, ${number(check.length)} tokens, checked in ${time(check.seconds)}`),
      make('thead', {}, make('tr', {}, ...head.map(text => text ? make('th', {scope: 'col'}, text) : make('td')))),
      make('tbody', {}, ...rows))),
    make('p', {class: 'note'}, notes.join(' '))];
}
