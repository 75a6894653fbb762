// SPDX-License-Identifier: Apache-2.0
// Asking: a conversation about the document, two methods side by side, and the conversations that were kept.

import {checkOfTurn} from './checking.js';
import * as local from './local.js';
import {Answer, errorParts, factsOf, make, nothingOf, spec} from './parts.js';
import {at, count, fieldsFor, markBusy, method, modelField, mostTokens, rivals, showError, state} from './reading.js';
import * as server from './server.js';
import {kLossNote, methodName, number} from './words.js';

// ---- Asking ----

/** One run at a time; `work` gets the signal that stops it. */
async function whileAsking(work) {
  const abort = new AbortController();
  state.asking = {stop: () => abort.abort(), done: null};
  markBusy();
  try {
    await (state.asking.done = work(abort.signal));
  } finally {
    state.asking = null;
    markBusy();
  }
}

export async function stopAsking() {
  const {asking} = state;
  asking?.stop();
  await asking?.done?.catch(() => {});
}

/** Asks under one method into `answer`. Returns the turn; throws what went wrong, with what was written as `turn`. */
async function answerInto(answer, picked, turns, question, signal) {
  const {text: document, props} = state;
  const request = {
    chat: Boolean(props.chat_template), document, turns, question, maxTokens: mostTokens(), fields: fieldsFor(picked),
  };
  const known = {method: '', usage: {}, timings: {}};
  const turnOf = ({method: name, usage, reason}, facts) => {
    const {text, thought} = answer.written;
    return {question, answer: text, thought, method: name, n: usage.total_tokens, facts, reason};
  };
  answer.begin();
  try {
    const result = await server.ask(request, {
      progress: progress => answer.progress(progress),
      text: text => answer.text(text),
      thought: text => answer.think(text),
      method: (name, why) => { known.method = name; answer.method(name, why); },
    }, signal);
    const facts = factsOf(result, false), turn = turnOf(result, facts);
    answer.end(facts, null, nothingOf(turn));
    return turn;
  } catch (error) {
    const stopped = error.name === 'AbortError', facts = factsOf(known, stopped);
    answer.end(facts, stopped ? null : error);
    error.turn = turnOf(known, facts);
    throw error;
  }
}

/** Of a kept conversation whose document was too long to be kept: it says so. */
function isTextLost() {
  if (state.text?.text !== null) return false;
  showError('document-error', new Error(`The text of ${state.text.name} was not kept: give it again to go on asking.`));
  at('file').focus();
  return true;
}

function turnElement(question, answer) {
  return make('article', {class: 'turn'}, make('h3', {class: 'asked', dir: 'auto'}, question), answer.element);
}

/** What can be done about an answer: a check of its method, and another method where there is no word. */
function underAnswer(turn) {
  if (!nothingOf(turn)) return checkOfTurn(turn, keep);
  const again = make('button', {type: 'button', class: 'quiet', onclick: () => {
    if (!at('question').value) at('question').value = turn.question;
    method.select.focus();
  }}, 'Ask again with another method');
  return checkOfTurn(turn, keep, again);
}

export async function ask() {
  const question = at('question').value.trim(), {conversation} = state;
  if (!question || state.asking || !(state.props || await state.connect(true)) || state.asking) return;
  if (isTextLost()) return;
  const answer = new Answer('the answer'), element = turnElement(question, answer);
  for (const failed of document.querySelectorAll('#turns .failed')) failed.remove();
  at('turns').append(element);
  at('question').value = '';
  element.scrollIntoView({block: 'nearest'});
  await whileAsking(async signal => {
    let turn;
    try {
      // What got no answer is not sent again: it says nothing, and templates may refuse an empty one.
      const before = conversation.turns.filter(one => one.answer.trim());
      turn = await answerInto(answer, method.value, before, question, signal);
    } catch (error) {
      turn = error.turn;
      if (!turn.answer) { // nothing to go on from: the question is the reader's again
        if (!at('question').value) at('question').value = question;
        if (error.name === 'AbortError') element.remove();
        return element.classList.add('failed');
      }
    }
    conversation.turns.push(turn);
    element.append(underAnswer(turn));
    conversation.title ||= question.slice(0, 120);
    keep();
  });
}

export async function compare() {
  const question = at('compare-question').value.trim();
  if (!question || state.asking || !(state.props || await state.connect(true)) || state.asking) return;
  if (isTextLost()) return;
  const sides = rivals.map(({value}) => ({picked: value, answer: new Answer(value), loss: make('div', {class: 'loss note'})}));
  const halves = sides.map(side =>
    make('section', {class: 'half', 'aria-label': side.picked},
      make('h4', {}, spec(methodName(side.picked))), side.answer.element, side.loss));
  const result = make('div');
  at('compared').replaceChildren(make('h3', {class: 'asked', dir: 'auto'}, question),
    make('div', {class: 'pair'}, ...halves), result);
  await whileAsking(async signal => {
    try {
      for (const side of sides) side.turn = await answerInto(side.answer, side.picked, [], question, signal).catch(error => {
        if (error.name === 'AbortError') throw error;
        return null; // the other one may well be able to
      });
      if (!state.text) return;
      for (const side of sides) await lossInto(side, signal);
    } catch { /* stopped */ }
    if (sides.some(side => !side.scored)) return;
    const line = lessLoss(...sides);
    result.append(make('p', {class: 'lead'}, line),
      make('p', {class: 'note'}, kLossNote));
    at('spoken').append(make('p', {}, line));
  });
}

function lessLoss(a, b) {
  const difference = Math.abs(a.scored.tail - b.scored.tail), less = a.scored.tail < b.scored.tail ? a : b;
  return `Loss of the document's last ${number(a.scored.nTail)} tokens: ` +
    `${number(a.scored.tail, 3)} and ${number(b.scored.tail, 3)}` +
    (difference < 0.0005 ? ', the same.' : `; ${less.picked}'s is ${number(difference, 3)} less.`);
}

/** The document's loss, under the very method that answered where one did. */
async function lossInto(side, signal) {
  side.loss.textContent = 'Reading the document once more, for its loss …';
  try {
    const fields = {...modelField(), method: side.turn?.method || side.picked};
    const loss = side.scored = await server.lossOf(state.text.text, fields, signal);
    const value = nats => make('strong', {}, number(nats, 3));
    side.loss.replaceChildren('Loss of the document: ', value(loss.tail), ` over its last ${number(loss.nTail)} tokens, `,
      value(loss.all), ` over all ${number(loss.n)}.`);
  } catch (error) {
    side.loss.replaceChildren(...(error.name === 'AbortError' ? ['Stopped.'] : errorParts(error)));
    if (error.name === 'AbortError') throw error;
  }
}

/** Shows the panel of a tab. */
export function selectTab(tab) {
  for (const other of document.querySelectorAll('[role=tab]')) {
    other.setAttribute('aria-selected', String(other === tab));
    other.tabIndex = other === tab ? 0 : -1;
    at(other.getAttribute('aria-controls')).hidden = other !== tab;
  }
}

// ---- Conversations ----

const emptyConversation = () => ({
  id: local.newId(), title: '', when: 0, model: state.model ?? state.props?.model ?? '', document: state.text, turns: [],
});

function keep() {
  const {conversation} = state;
  conversation.when = Date.now();
  at('kept-note').textContent = local.keep(conversation);
  showHistory();
}

export function showTurns() {
  at('turns').replaceChildren(...state.conversation.turns.map(turn => {
    const element = turnElement(turn.question, new Answer('the answer').show(turn));
    element.append(underAnswer(turn));
    return element;
  }));
}

/** The document stays: most often it is asked about again. */
export async function beginAnew() {
  await stopAsking();
  state.checking?.abort();
  if (state.text?.text === null) state.text = null;
  state.conversation = emptyConversation();
  at('kept-note').textContent = '';
  showTurns();
  showHistory();
}

async function open(id) {
  await stopAsking();
  const conversation = local.load(id);
  if (!conversation) return showHistory(); // deleted elsewhere
  state.conversation = conversation;
  state.text = conversation.document;
  const elsewhere = state.model && conversation.model && conversation.model !== state.model;
  at('kept-note').textContent = elsewhere ? `It was held with ${conversation.model}; ${state.model} goes on with it.` : '';
  selectTab(at('tab-ask'));
  count(state.text?.text === null
    ? 'Of this document only the name and the first words were kept: give it again to go on asking.' : '');
  showTurns();
  showHistory();
  at('ask-heading').focus();
  at('ask-heading').scrollIntoView({block: 'start'});
}

async function remove(id) {
  const index = local.kept().findIndex(one => one.id === id);
  if (state.conversation.id === id) await beginAnew();
  local.remove(id);
  showHistory();
  const next = at('history').querySelectorAll('.open');
  (next[Math.min(index, next.length - 1)] ?? at('begin')).focus();
}

export function showHistory() {
  const all = local.kept();
  const date = new Intl.DateTimeFormat('en', {dateStyle: 'medium', timeStyle: 'short'});
  const entry = ({id, title, when, document: text}) => {
    const current = id === state.conversation.id ? {'aria-current': 'true'} : {};
    return make('li', {},
      make('button', {type: 'button', class: 'open', ...current, onclick: () => open(id)},
        make('span', {class: 'title'}, title),
        make('span', {class: 'note'}, [text?.name, date.format(when)].filter(Boolean).join(' · '))),
      make('button', {type: 'button', class: 'quiet', 'aria-label': `Delete: ${title}`, onclick: () => remove(id)}, 'Delete'));
  };
  at('history').replaceChildren(...all.map(entry));
  at('history-note').textContent = all.length ? '' : 'None yet.';
  at('forget').hidden = !all.length;
  at('forget').textContent = 'Delete all';
}

export async function forgetAll() {
  if (at('forget').textContent === 'Delete all') return at('forget').textContent = 'Really delete all?';
  await beginAnew();
  for (const {id} of local.kept()) local.remove(id);
  showHistory();
  at('begin').focus();
}
