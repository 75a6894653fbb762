// SPDX-License-Identifier: Apache-2.0
// The page's begin: what is given, pressed and typed. reading.js, checking.js and talking.js do the rest; server.js asks,
// local.js keeps, parts.js draws, words.js words.

import {checkDocument} from './checking.js';
import * as local from './local.js';
import {at, choose, count, method, rivals, showError, state, usualTokens} from './reading.js';
import {ask, beginAnew, compare, forgetAll, selectTab, showHistory, showTurns, stopAsking} from './talking.js';
import * as server from './server.js';

// ---- A text is given ----

/** In a new conversation, unless the one at hand has not begun, or has lost just this text. */
async function give(name, text, note = '') {
  const given = {name, text, first: local.firstWords(text), chars: text.length, tokens: 0};
  const lost = state.text?.text === null && state.text.chars === given.chars && state.text.first === given.first;
  if (!lost && (state.conversation.turns.length || state.asking)) await beginAnew();
  state.text = state.conversation.document = given;
  if (lost) showTurns(); // its answers can be checked again
  await count(note);
}

async function giveFile(file) {
  try {
    const {name, text, note} = await local.readFile(file), given = give(name, text, note);
    at('document-heading').focus(); // the place to choose a file is gone
    await given;
  } catch (error) {
    showError('document-error', error);
  }
}

function takePasted() {
  const text = at('paste').value;
  if (!text.trim()) return at('paste').focus();
  at('paste').value = '';
  at('paste-part').open = false;
  give('pasted text', text);
  at('document-heading').focus();
}

async function leave() {
  if (state.conversation.turns.length || state.asking) await beginAnew();
  state.text = state.conversation.document = null;
  count('');
  at('file').focus();
}

function listenToDrops() {
  const isFile = event => event.dataTransfer?.types.includes('Files') || event.dataTransfer?.types.includes('text/plain');
  const mark = on => document.body.classList.toggle('dragging', on);
  document.addEventListener('dragover', event => {
    if (!isFile(event) || event.target.matches('textarea, input[type=text]')) return;
    event.preventDefault();
    mark(true);
  });
  document.addEventListener('dragleave', event => { if (!event.relatedTarget) mark(false); });
  document.addEventListener('drop', event => {
    mark(false);
    if (!isFile(event) || event.target.matches('textarea, input[type=text]')) return;
    event.preventDefault();
    const file = event.dataTransfer.files[0], text = event.dataTransfer.getData('text/plain');
    if (file) giveFile(file);
    else if (text.trim()) give('dropped text', text);
  });
}

// ---- Colours ----

function setColours(dark) {
  const system = matchMedia('(prefers-color-scheme: dark)').matches;
  local.keepColours(dark === system ? null : dark ? 'dark' : 'light'); // as the system has it: follows the system again
  showColours();
}

function isDark() {
  return (local.wantedColours() ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
}

function showColours() {
  const wanted = local.wantedColours();
  if (wanted) document.documentElement.dataset.colours = wanted;
  else delete document.documentElement.dataset.colours;
  at('colours').textContent = isDark() ? 'Light colours' : 'Dark colours';
}

// ---- Begin ----

/** What the server has of a model: its trained length, its methods. */
async function useModel(name) {
  const props = state.props = await server.call(`props${name ? `?model=${encodeURIComponent(name)}` : ''}`);
  at('model-line').textContent = `${props.model}, trained on ${props.n_ctx_train.toLocaleString('en')} tokens` +
    (props.chat_template ? '' : '. It has no chat template: it continues the text instead of answering');
  at('max-tokens').value = usualTokens();
  at('thinking-part').hidden = !props.chat_template?.includes('enable_thinking');
  const methods = props.methods ?? [], has = wanted => methods.some(one => one.name === wanted) ? wanted : 'auto';
  method.fill(methods, props.method || 'auto');
  rivals[0].fill(methods, has('none'));
  rivals[1].fill(methods, 'auto');
  showError('trouble', null);
  await count('');
}

/** Whether it is there now; else it says why not. `keeps`: what was picked while it was not there. */
state.connect = async keeps => {
  const picked = method.value, most = at('max-tokens').value;
  try {
    await useModel(state.model);
    if (keeps && picked) method.value = picked;
    if (keeps && most) at('max-tokens').value = most;
    return true;
  } catch (error) {
    showError('trouble', error);
    return false;
  }
};

async function fillModels() {
  const {data} = await server.call('v1/models');
  if (data.length > 1) {
    state.model = data[0].id;
    at('model').replaceChildren(...data.map(({id}) => new Option(id)));
    at('model-choice').hidden = false;
  }
  await useModel(state.model);
  state.conversation.model = state.props.model;
}

async function changeModel() {
  await beginAnew();
  state.model = at('model').value;
  state.props = null;
  at('model-line').textContent = '';
  choose();
  await state.connect(false);
  state.conversation.model = state.model;
}

function listen() {
  const on = (id, event, act) => at(id).addEventListener(event, act);
  const submit = act => event => { event.preventDefault(); act(); };
  on('file', 'change', () => {
    if (at('file').files[0]) giveFile(at('file').files[0]);
    at('file').value = '';
  });
  on('take', 'click', takePasted);
  on('leave', 'click', leave);
  on('check', 'click', checkDocument);
  on('max-tokens', 'change', choose);
  on('model', 'change', changeModel);
  on('ask-form', 'submit', submit(ask));
  on('compare-form', 'submit', submit(compare));
  on('begin', 'click', async () => { await beginAnew(); at('question').focus(); });
  on('forget', 'click', forgetAll);
  on('forget', 'blur', () => { at('forget').textContent = 'Delete all'; });
  on('colours', 'click', () => setColours(!isDark()));
  for (const id of ['question', 'compare-question'])
    on(id, 'keydown', event => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      at(id).form.requestSubmit();
    });
  for (const stop of document.querySelectorAll('.stop')) stop.addEventListener('click', stopAsking);
  document.addEventListener('keydown', event => {
    if (event.key === 'Escape' && !event.isComposing) stopAsking(), state.checking?.abort();
  });
  const tabs = [...document.querySelectorAll('[role=tab]')];
  tabs.forEach((tab, i) => {
    tab.addEventListener('click', () => selectTab(tab));
    tab.addEventListener('keydown', event => {
      const to = {ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1}[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const next = tabs[(to + tabs.length) % tabs.length];
      selectTab(next);
      next.focus();
    });
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', showColours);
  window.addEventListener('storage', showHistory); // another tab of this page
}

showColours();
await beginAnew();
listen();
listenToDrops();
fillModels().catch(error => {
  at('model-line').textContent = '';
  showError('trouble', error);
});
