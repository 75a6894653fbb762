// SPDX-License-Identifier: Apache-2.0
// What is asked of the server, and how it answers. Nothing here touches the page.

const kMostBytes = 8 * 1024 * 1024; // of a request: a longer one is cut off while it is sent, and no word of the server arrives

/** An error in the server's words. `param`: the field that it is about, or null. */
export class ServerError extends Error {
  constructor(message, status = 0, param = null) {
    super(message);
    this.status = status;
    this.param = param;
  }
}

const said = (error, status) =>
  new ServerError(error.message ?? JSON.stringify(error), error.code ?? status, error.param ?? null);

async function errorOf(response) {
  const text = await response.text();
  try {
    return said(JSON.parse(text).error, response.status);
  } catch {
    const words = text.trim().slice(0, 500) || `The server says ${response.status} ${response.statusText}`;
    return new ServerError(words, response.status);
  }
}

async function send(path, body, signal) {
  const options = {signal};
  if (body !== undefined) {
    options.method = 'POST';
    options.headers = {'Content-Type': 'application/json'};
    options.body = JSON.stringify(body);
    const bytes = new Blob([options.body]).size;
    if (bytes > kMostBytes)
      throw new ServerError(`This text is too long: ${(bytes / 1048576).toFixed(1)} MiB, and a request holds 8 MiB.`);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ServerError('The server does not answer. Has it been stopped?');
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

/** JSON of a GET, or of a POST where there is a body. */
export async function call(path, body, signal) {
  return (await send(path, body, signal)).json();
}

/** The events of a stream, as JSON, up to its end or [DONE]. */
export async function* events(path, body, signal) {
  const reader = (await send(path, body, signal)).body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      let part;
      try {
        part = await reader.read();
      } catch (error) {
        if (error.name === 'AbortError') throw error;
        throw new ServerError('The connection broke off.');
      }
      const lines = (rest + (part.value ?? '') + (part.done ? '\n' : '')).split(/\r?\n/);
      rest = lines.pop();
      for (const line of lines) {
        if (!line.startsWith('data:')) continue;
        const text = line.slice(5).trim();
        if (text === '[DONE]') return;
        const event = JSON.parse(text);
        if (event.error) throw said(event.error, 200);
        yield event;
      }
      if (part.done) return;
    }
  } finally {
    reader.cancel().catch(() => {}); // also where the caller stops early
  }
}

/** Seconds that the rest of the reading takes, from the pace of late: later tokens see more, and take longer. */
export class Pace {
  #seen = [];
  left(progress) {
    this.#seen.push(progress);
    const from = this.#seen[Math.floor(this.#seen.length * 0.6)], tokens = progress.processed - from.processed;
    if (tokens <= 0 || progress.processed >= progress.total) return null;
    return (progress.total - progress.processed) * (progress.time_ms - from.time_ms) / tokens / 1000;
  }
}

/** The first message with its document, as `ropewalk chat` writes it. */
const withDocument = (document, question) => document ? `File: ${document.name}\n\n${document.text}\n\n${question}` : question;

function messagesOf(document, turns, question) {
  const questions = [...turns.map(turn => turn.question), question];
  return questions.flatMap((text, i) => [
    {role: 'user', content: i === 0 ? withDocument(document, text) : text},
    ...(i < turns.length ? [{role: 'assistant', content: turns[i].answer}] : []),
  ]);
}

/** Without a chat template: a text to be written on. */
function promptOf(document, turns, question) {
  const parts = document ? [document.text] : [];
  for (const turn of turns) parts.push(turn.question + '\n' + turn.answer);
  return [...parts, question].join('\n\n') + '\n';
}

/**
 * Asks, and tells `on` what comes: progress({total, cache, processed, time_ms}), thought(text), text(text),
 * method(method, why). `request`: {chat: whether the model has a template, document, turns, question, maxTokens,
 * fields: more of the body}.
 * Returns {method, why, usage, timings, reason}; what was written stands with `on`.
 * The native route is taken where there is no template: it alone tells the progress of a prompt that is a text.
 */
export async function ask(request, on, signal) {
  const {chat, document, turns, question, maxTokens} = request;
  const body = {...request.fields, stream: true, return_progress: true};
  if (chat) body.messages = messagesOf(document, turns, question), body.stream_options = {include_usage: true};
  else body.prompt = promptOf(document, turns, question);
  if (maxTokens) body[chat ? 'max_tokens' : 'n_predict'] = maxTokens;
  const result = {method: '', why: '', usage: {}, timings: {}, reason: null};
  for await (const event of events(chat ? 'v1/chat/completions' : 'completion', body, signal)) {
    if (event.method && event.method !== result.method) {
      Object.assign(result, {method: event.method, why: event.method_why ?? ''});
      on.method(result.method, result.why);
    }
    if (event.prompt_progress) on.progress(event.prompt_progress);
    if (event.usage) result.usage = event.usage;
    if (event.timings) result.timings = event.timings;
    const choice = event.choices?.[0], text = choice ? choice.delta?.content : event.content;
    if (choice?.delta?.reasoning_content) on.thought(choice.delta.reasoning_content);
    if (text) on.text(text);
    if (choice?.finish_reason) result.reason = choice.finish_reason;
    if (event.stop === true)
      Object.assign(result, {reason: event.stop_type === 'limit' ? 'length' : 'stop', usage: usageOfNative(event)});
  }
  if (!result.reason) throw new ServerError('The answer broke off: the server ended it.');
  return result;
}

function usageOfNative(event) {
  const {timings = {}} = event, cached = timings.cache_n ?? 0, wrote = timings.predicted_n ?? 0;
  const read = event.tokens_evaluated ?? (timings.prompt_n ?? 0) + cached;
  return {
    prompt_tokens: read,
    completion_tokens: wrote,
    total_tokens: read + wrote,
    prompt_tokens_details: {cached_tokens: cached},
  };
}

/** Keys hidden in the text: `progress(share)` while it runs. Returns {line, check}. */
export async function check(body, progress, signal) {
  for await (const event of events('check', {...body, stream: true}, signal)) {
    if (event.check) return event;
    if (event.progress !== undefined) progress(event.progress);
  }
  throw new ServerError('The check broke off: the server ended it.');
}

const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Loss of the document in nats a token: of all its tokens but the first, and of the last eighth: {all, n, tail, nTail}. */
export async function lossOf(text, fields, signal) {
  const answer = await call('v1/completions', {...fields, prompt: text, max_tokens: 0, prompt_logprobs: 0}, signal);
  const losses = answer.choices[0].prompt_logprobs.filter(entry => entry).map(entry => -Object.values(entry)[0].logprob);
  if (!losses.length) throw new ServerError('The document is too short to be scored.');
  const nTail = Math.max(1, Math.floor(losses.length / 8));
  return {all: mean(losses), n: losses.length, tail: mean(losses.slice(-nTail)), nTail};
}
