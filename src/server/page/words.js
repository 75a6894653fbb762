// SPDX-License-Identifier: Apache-2.0
// Numbers and sentences as people write them; sentences of the server, so that who has never used it understands them.
// Strings alone: nothing here touches the page.

export const number = (value, digits = 0) =>
  value.toLocaleString('en', {minimumFractionDigits: digits, maximumFractionDigits: digits});
export const percent = share => `${number(100 * share)}\u00a0%`;
export const counted = (n, word) => `${number(n)} ${word}${n === 1 ? '' : 's'}`;

export function time(seconds) {
  if (seconds < 0.95) return 'less than a second';
  if (seconds < 1.5) return '1 second';
  if (seconds < 100) return `${Math.round(seconds)} seconds`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} minutes` : `${number(seconds / 3600, 1)} hours`;
}

export const timeLeft = seconds => seconds < 1 ? 'almost done' : `about ${time(seconds)} left`;

// A word of four digits or more; not a part of a name, a path, a decimal, a parameter's value, nor what somebody typed.
const kNumber = /(?<![\w.,:=/@#'"-])\d{4,}(?![\w=/'"-]|[.,:]\d)/g;
const kYear = /^(19\d\d|20[0-3]\d)$/;
const kUnit = /^ (tokens?|keys?|characters|bytes|sizes|positions|[KMG]iB)\b/;

/** 9907 -> 9,907 in a sentence. */
export const commas = text => text.replace(kNumber, (digits, at) =>
  kYear.test(digits) && !kUnit.test(text.slice(at + digits.length)) ? digits : digits.replace(/\B(?=(\d{3})+$)/g, ','));

/** A method as a person reads it: "none" alone would say that there is no answer. */
export const methodName = method => method === 'none' ? 'none (plain RoPE)' : method;

// ---- Why a method is taken ----

// The server's reasons (methods/auto.cpp).
const kReasons = [
  [/^(?<n>\d+) tokens? fits? in the (?<trained>\d+) that the model was trained on$/,
    ({trained}) => `The text fits in the ${trained} tokens that the model was trained on, so it is read as trained.`],
  [/^\d+ tokens?, trained on (?<trained>\d+), nothing tuned/,
    ({trained}) => `A guess, not measured on this model: the text is longer than the ${trained} tokens that it was trained on. ` +
      '"ropewalk tune" measures which method is best here.'],
  [/^\d+ tokens?, nothing beat plain RoPE to (?<longest>\d+), nothing tuned past it$/,
    ({longest}) => `A guess: up to ${longest} tokens "ropewalk tune" found nothing better than plain RoPE on this model, ` +
      'and longer texts were not measured.'],
  [/^tuned at (?<at>\d+) tokens?, bound to \d+$/,
    ({at}) => `Measured: "ropewalk tune" found it on this model, at ${at} tokens.`],
  [/^tuned up to (?<longest>\d+) tokens? only, bound to \d+, not judged there$/,
    ({longest}) => `Partly a guess: "ropewalk tune" found it on this model up to ${longest} tokens; ` +
      'longer texts were not measured.'],
];

/** A reason, which begins with the method, or is none, for people. One that is not known stays in the server's words. */
export function reasonOf(why) {
  const bare = (why ?? '').replace(/^\S+: /, '');
  for (const [pattern, words] of kReasons) {
    const found = bare.match(pattern);
    if (!found) continue;
    const written = Object.fromEntries(Object.entries(found.groups ?? {}).map(([name, digits]) => [name, number(Number(digits))]));
    return words(written);
  }
  return bare && commas(bare[0].toUpperCase() + bare.slice(1));
}

// ---- Errors ----

const kMostShown = 320; // characters of an error that are shown at once

/**
 * {first, rest} of an error: what is shown, and what can be opened. Those of the server are "place: expected; found; hint",
 * and what was found may be another such error, which then says more.
 */
export function errorWords({message}) {
  const [said, ...rest] = commas(message).split(/; hint: /);
  const inner = said.lastIndexOf(': expected '), place = inner < 0 ? -1 : said.lastIndexOf('; found ', inner);
  let first = place < 0 ? said : said.slice(place + '; found '.length);
  if (place >= 0) rest.unshift(said.slice(0, place));
  const meant = rest.join(' ').match(/\bdid you mean [^?\s]+\?/i)?.[0];
  if (first.length > kMostShown) {
    rest.unshift(said);
    first = `${first.slice(0, kMostShown)} …`;
  }
  if (meant) first += `. ${meant[0].toUpperCase()}${meant.slice(1)}`;
  return {first, rest: rest.map(words => words.trim()).filter(Boolean)};
}

/** Of an error of a check whose time holds not one key: so in a sentence; else ''. */
export function tooLittleTime({message}) {
  const [, needed, tokens] = message.match(/expected (.{1,30}) for one key in (\d+) tokens?; found/) ?? [];
  return needed ? `The time is too short: one key in ${number(Number(tokens))} tokens takes ${needed}.` : '';
}

// ---- A check ----

const kLevel = 0.05; // of its one claim, and the most keys that it asks for: judge/document_check.h
export const kMostKeys = 10;

/** A number of keys: a key may be found in part. */
export const keysText = n => number(n, Number.isInteger(n) ? 0 : 1);

function chance(p) {
  const n = Math.round(1000 * p);
  return `p\u00a0=\u00a0${p.toPrecision(2)}: if it found no more, chance alone would give such a result in ` +
    `${n ? number(n) : 'fewer than 1'} of 1,000 checks`;
}

/** Whether a check was too short to tell; then more keys are needed. */
const isTooShort = ({truncation}) => Boolean(truncation) && !truncation.can_tell;

/** Whether a longer one can ask for more. */
export const canAskMore = check => isTooShort(check) && check.keys.of < kMostKeys;

function whyTooFew({keys, length, truncation}) {
  const near = length < 2 * truncation.told; // fewer than half of the places are out of truncation's sight
  if (keys.of < kMostKeys)
    return ' A longer check asks for more keys.' + (near ? ' But the text is less than twice as long as the trained length: ' +
      'truncation still sees most of it, so even the longest check may be unable to tell.' : '');
  return ` ${kMostKeys} keys are the most it asks for, and truncation missed too few of them` +
    (near ? ': it still sees most of the text, which is less than twice as long as the trained length.' : '.');
}

/** What a check says, in sentences. */
export function verdictOf(check) {
  const {keys, truncation} = check;
  const found = `It found ${keysText(keys.found)} of ${counted(keys.of, 'hidden key')}`;
  if (!truncation) return `${found}. The text is within the trained length: there is no truncation to compare with.`;
  const both = `${found}; truncation found ${keysText(truncation.keys.found)}. `;
  if (isTooShort(check)) return `${both}Too few keys to tell whether it finds more than truncation.${whyTooFew(check)}`;
  const more = truncation.p <= kLevel ? 'It finds' : 'It is not shown that it finds';
  return `${both}${more} more than truncation does (${chance(truncation.p)}).`;
}

export const kLossNote =
  'Loss: how badly the tokens are predicted, in nats a token; less is better. Of one text, no claim about others.';
