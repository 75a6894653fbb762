// SPDX-License-Identifier: Apache-2.0
// The check of a method on the document: its time, its progress, its evidence, and a longer one where it was too short.

import {errorParts, make, say, spec} from './parts.js';
import {at, choose, markBusy, method, modelField, state} from './reading.js';
import * as server from './server.js';
import {canAskMore, counted, kLossNote, keysText, methodName, number, percent, time, timeLeft, tooLittleTime,
  verdictOf} from './words.js';

/** The evidence of a check: what it says, and the numbers behind that. */
function evidence({check}, name) {
  const {truncation} = check;
  const keys = share =>
    `${keysText(share.found)} of ${number(share.of)} (${number(100 * share.low)} to ${percent(share.high)})`;
  const row = (title, here, there) => make('tr', {}, make('th', {scope: 'row'}, title), make('td', {}, here),
    truncation ? make('td', {}, there) : null);
  const head = ['', 'This method', ...(truncation ? ['Truncation'] : [])];
  const rows = [row('Keys found', keys(check.keys), truncation && keys(truncation.keys)),
    row(`Loss of the last ${counted(check.tail, 'token')}`, number(check.loss, 3), truncation && number(truncation.loss, 3))];
  const notes = ['A key that is found shows that the method reaches its place in the document, not that an answer is right.',
    ...(truncation ? [`Truncation: plain RoPE that is given the last ${number(truncation.told)} tokens alone.`] : []),
    'In brackets: 95\u00a0% interval.', kLossNote];
  return [make('p', {class: 'lead line'}, verdictOf(check)),
    make('div', {class: 'scroll'}, make('table', {},
      make('caption', {}, spec(methodName(name)), `, ${counted(check.length, 'token')}, checked in ${time(check.seconds)}`),
      make('thead', {}, make('tr', {}, ...head.map(text => text ? make('th', {scope: 'col'}, text) : make('td')))),
      make('tbody', {}, ...rows))),
    make('p', {class: 'note'}, notes.join(' '))];
}

/** In words: what is left of a check that is to take `planned` seconds. */
class Left {
  #start = performance.now();
  #first = null; // the time before it is the measuring of the machine's pace
  constructor(planned) {
    this.planned = planned;
  }
  at(share) {
    const now = performance.now(), spent = (now - this.#start) / 1000;
    this.#first ??= {share, now};
    const done = share - this.#first.share, promised = this.planned - spent;
    if (share >= 1) return 'Checking …';
    if (done < 0.02) return promised < 0 ? 'Checking: it takes longer than planned' : `Checking: up to ${time(promised)} left`;
    const left = (now - this.#first.now) / 1000 * (1 - share) / done;
    // Where it is clear that the promise does not hold, that is said; until then no more than was promised.
    if (promised < 0 || (share > 0.2 && left > 1.2 * promised)) return `Checking: longer than planned, ${timeLeft(left)}`;
    return `Checking: ${timeLeft(Math.min(left, promised))}`;
  }
}

/** The next longer time that can be chosen, as its option, or null. `atLeast`: seconds that are known to be needed. */
function longerThan(seconds, atLeast = 0) {
  const longer = [...at('check-time').options].filter(option => Number(option.value) > seconds);
  return longer.find(option => Number(option.value) >= atLeast) ?? longer.at(-1) ?? null;
}

/**
 * Runs a check where `button` stands, and shows its evidence in `place`. `asked`: {body: of the request, name: the method's,
 * done: gets what it says}.
 */
async function runCheck(button, place, asked) {
  if (state.checking) return;
  const mine = state.checking = new AbortController(), seconds = Number(at('check-time').value), left = new Left(seconds);
  const bar = make('progress', {max: '1', 'aria-label': 'Checking'}), words = make('span', {class: 'note'}, left.at(0));
  const stop = make('button', {type: 'button', onclick: () => mine.abort()}, 'Stop the check');
  const fromHere = place.contains(document.activeElement);
  place.replaceChildren(bar, make('div', {class: 'row'}, stop, words));
  if (fromHere) stop.focus();
  markBusy();
  // Where the document has changed meanwhile the bar is gone, and nothing is to be shown.
  const show = (...parts) => {
    const focused = document.activeElement === stop;
    if (bar.isConnected) place.replaceChildren(...parts);
    if (focused) button.focus();
  };
  /** A button for a check of more time, beside what was too short. */
  const longer = atLeast => {
    const option = longerThan(seconds, atLeast);
    return option ? [make('p', {}, make('button', {type: 'button', class: 'check', onclick: () => {
      if (state.checking) return;
      at('check-time').value = option.value;
      runCheck(button, place, asked);
    }}, `Check longer: ${option.text}`))] : [];
  };
  try {
    const result = await server.check({...asked.body, seconds, ...modelField()}, share => {
      bar.value = share;
      words.textContent = left.at(share);
    }, mine.signal);
    const line = verdictOf(result.check), [lead, ...numbers] = evidence(result, asked.name);
    at('spoken').replaceChildren(make('p', {}, `Checked: ${line}`));
    if (bar.isConnected) asked.done?.(line);
    show(lead, ...(canAskMore(result.check) ? longer(result.check.truncation?.more_seconds ?? 0) : []), ...numbers);
  } catch (error) {
    const tooLittle = tooLittleTime(error);
    if (error.name === 'AbortError') show(make('p', {class: 'note'}, 'The check was stopped.'));
    else if (tooLittle) show(make('p', {class: 'lead bad line', role: 'alert'}, tooLittle), ...longer());
    else show(make('div', {class: 'error', role: 'alert'}, ...errorParts(error)));
  }
  state.checking = null;
  markBusy();
}

/** Of what is picked; by what that stands for at this length, so that the check is of the method that will answer. */
export async function checkDocument() {
  if (!state.chosen) await choose();
  if (!state.text?.text) return; // it has gone meanwhile
  const name = state.chosen || method.value;
  runCheck(at('check'), at('evidence'), {name, body: {text: state.text.text, method: name}});
}

/**
 * Under an answer: how far its method can be trusted on the document. `keep`: called when that is known; `more`: stands beside
 * the button.
 */
export function checkOfTurn(turn, keep, more = null) {
  const place = make('div');
  if (turn.checked) place.append(make('p', {class: 'lead line'}, ...say(turn.checked)));
  if (!state.text?.text || !turn.method) return make('div', {}, more, place);
  const asked = {name: turn.method, body: {text: state.text.text, method: turn.method}, done: line => {
    turn.checked = line;
    keep();
  }};
  const button = make('button', {type: 'button', class: 'quiet check', onclick: () => runCheck(button, place, asked)},
    'Check this method on the document');
  return make('div', {}, make('div', {class: 'row under'}, button, more), place);
}
