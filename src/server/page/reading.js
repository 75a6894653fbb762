// SPDX-License-Identifier: Apache-2.0
// The document, how long it is, and the method that it is read by. What is shown follows `state`.

import {MethodPicker, errorParts, lengthBar, make, say, spec} from './parts.js';
import * as server from './server.js';
import {methodName, number, reasonOf} from './words.js';

export const at = id => document.getElementById(id);
export const state = {
  props: null,
  model: null, // its name where the server has several
  text: null, // the document: {name, text (null: not kept), first, chars, tokens}
  conversation: null, // {id, title, when, model, document, turns}
  chosen: '', // the method that `auto`, or what is picked, stands for at this length
  connect: null, // async keeps => whether the model is there now (page.js)
  asking: null, // {stop, done} while a question is answered
  checking: null, // its AbortController
};

export const modelField = () => state.model ? {model: state.model} : {};
const filled = (id, name) => at(id).value === '' ? {} : {[name]: Number(at(id).value)};
export const fieldsFor = method => ({
  ...modelField(), method, ...filled('temperature', 'temperature'), ...filled('top-p', 'top_p'), ...filled('seed', 'seed'),
  ...(at('thinking-part').hidden || at('thinking').checked ? {} : {chat_template_kwargs: {enable_thinking: false}}),
});
export const usualTokens = () => Math.max(16, Math.min(512, Math.floor(state.props.n_ctx_train / 4)));
export const mostTokens = () => Number(at('max-tokens').value) || usualTokens();
export const method = new MethodPicker(at('method'), 'Method', () => choose());
export const rivals = [['method-a', 'First method'], ['method-b', 'Second method']]
  .map(([id, label]) => new MethodPicker(at(id), label, () => {}));

export function showError(id, error) {
  at(id).hidden = !error;
  at(id).replaceChildren(...(error ? errorParts(error) : []));
}

/** Which buttons can be pressed while something runs. */
export function markBusy() {
  for (const id of ['ask', 'compare']) at(id).setAttribute('aria-disabled', String(state.asking !== null));
  for (const button of document.querySelectorAll('.check, #check'))
    button.setAttribute('aria-disabled', String(state.checking !== null));
  for (const stop of document.querySelectorAll('.stop')) {
    if (!state.asking && stop === document.activeElement) stop.closest('form').querySelector('textarea').focus();
    stop.hidden = state.asking === null;
  }
}

// ---- Document ----

let counting = new AbortController();

export function showDocument() {
  const {text: given} = state;
  at('give').hidden = given !== null && given.text !== null;
  at('given').hidden = given === null;
  at('check-part').hidden = !given?.text || !given.tokens;
  at('length').replaceChildren();
  at('evidence').replaceChildren();
  if (!given) return choose();
  at('document-name').textContent = given.name;
  at('document-size').textContent = `${number(given.chars)} characters`;
  at('first-words').textContent = given.first;
  if (given.tokens && state.props) at('length').append(...lengthBar(given.tokens, state.props.n_ctx_train));
  if (given.tokens > state.props?.n_ctx)
    at('length').append(make('p', {class: 'error'},
      `A request holds ${number(state.props.n_ctx)} tokens at most on this server.`));
  choose();
}

/** Shows how long the document is, in tokens; `note`: what else is to be said of it. */
export async function count(note) {
  counting.abort();
  state.checking?.abort();
  const mine = counting = new AbortController(), given = state.text;
  showError('document-error', null);
  at('document-note').textContent = given?.text ? `${note} Counting its tokens …` : note;
  showDocument();
  if (!given?.text || !state.props) return; // a document may be there before the server answers
  try {
    const {count: n, tokens} = await server.call('tokenize', {prompt: given.text, ...modelField()}, mine.signal);
    given.tokens = n ?? tokens.length;
    at('document-note').textContent = note;
    showDocument();
  } catch (error) {
    if (error.name === 'AbortError') return;
    at('document-note').textContent = note;
    showError('document-error', error);
  }
}

// ---- Method ----

let choosing = new AbortController();
const questionTokens = () => state.props.chat_template ? 64 : 16; // a usual one, with what a template puts around it
const lengthToRead = () => state.text.tokens + questionTokens();

/** What the length is made of; the server may set a method for a rounder one. */
function roomText(n, set) {
  const parts = `For ${number(state.text.tokens)} tokens of the document, some ${questionTokens()} of a question and up to ` +
    `${number(mostTokens())} of an answer (Settings)`;
  const rounded = set > n ? `, together ${number(n)}; set for ${number(set)}, the next round length` : '';
  return `${parts}${rounded}. A longer question or conversation may change it.`;
}

/** What the server takes for the document and an answer, and why. */
export async function choose() {
  choosing.abort();
  const mine = choosing = new AbortController(), place = at('choice');
  state.chosen = '';
  if (!state.text?.tokens || !state.props) return place.replaceChildren();
  try {
    const asked = {n: lengthToRead(), n_predict: mostTokens(), method: method.value}, n = asked.n + asked.n_predict;
    const choice = await server.call('choose', {...asked, ...modelField()}, mine.signal);
    const auto = method.value === 'auto', taken = method.methods.find(one => one.name === choice.method.split(':')[0]);
    state.chosen = choice.method;
    const why = reasonOf(choice.why);
    const lead = make('div', {class: `lead${choice.fits === false ? ' bad' : ''}`},
      make('p', {}, make('strong', {}, auto ? 'auto takes ' : '', spec(methodName(choice.method)))));
    if (auto && taken?.summary) lead.append(make('p', {class: 'note'}, ...say(taken.summary)));
    if (why) lead.append(make('p', {}, ...say(why)));
    if (choice.fits === false)
      lead.append(make('p', {}, choice.limit === 'context'
        ? `${number(n)} tokens are more than the ${number(choice.most)} that this server takes for a text and its answer.`
        : `${number(n)} tokens do not fit in the server's memory` + (choice.most ? `; ${number(choice.most)} would.` : '.')));
    place.replaceChildren(lead, make('p', {class: 'note'}, roomText(n, choice.bound)));
  } catch (error) {
    if (error.name !== 'AbortError') place.replaceChildren(make('div', {class: 'error'}, ...errorParts(error)));
  }
}
