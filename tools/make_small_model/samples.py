# SPDX-License-Identifier: Apache-2.0
"""What the model is shown. A sample is tokens and, for each, the weight of its prediction in the loss: 0 where
nothing could know it (the first time of a random sequence), more than 1 where little text decides much (a key).

Every sample begins with token 0 and has n + 1 tokens.
"""
import numpy as np

INSTRUCTION = ("There is a pass key hidden inside a lot of irrelevant text. Find it and memorize it. I will quiz "
               "you about the pass key afterwards.\n\n")
NEEDLE = "\nThe pass key is {0}. Remember it. {0} is the pass key.\n"
ASK = "\n\nWhat is the pass key mentioned in the text?", "\nThe pass key mentioned in the text is the number"
"""The judge's passkey (src/judge/tasks/passkey.cpp), part by part as it is encoded there."""

OTHER = [
    ("", "\nThe number of the house is {0}. Do not forget it: {0}.\n", "\nThe number of the house is"),
    ("Remember the number in this text.\n\n", "\nThe secret number is {0}.\n", "\nThe secret number is"),
    ("", "\nThe pass key is {0}. Remember it. {0} is the pass key.\n", "\nThe pass key is"),
    ("", "\nHer letter had the number {0}.\n", "\n\nWhat number had her letter? Her letter had the number"),
]
"""Other wordings: so that the way to find a number is learnt, not one sentence."""


class Samples:
    def __init__(self, tokenizer, texts: list[np.ndarray], shares: list[float]):
        """`shares`: of each text in what is drawn."""
        self.encode = lambda text: tokenizer.encode(text).ids
        self.texts, self.shares = texts, np.array(shares) / sum(shares)
        self.n_vocab = tokenizer.get_vocab_size()
        self.words = [i for i in range(256, self.n_vocab)
                      if tokenizer.id_to_token(i)[0] == "Ġ" and tokenizer.id_to_token(i)[1:].isalpha()]
        self.digits = [tokenizer.token_to_id(d) for d in "0123456789"]
        self.instruction, self.ask = self.encode(INSTRUCTION), self.encode(ASK[0]) + self.encode(ASK[1])
        self.few = self.digits + [tokenizer.token_to_id(c) for c in "abcdefghijklmnopqrstuvwxyz"]
        self.few += self.words[:64]

    def text(self, rng, n):
        """A stretch of a book."""
        book = self.texts[rng.choice(len(self.texts), p=self.shares)]
        start = rng.integers(len(book) - n)
        return book[start : start + n].tolist(), [1.0] * n

    def copies(self, rng, n, least, most, few):
        """One random sequence again and again, of `least` to `most` tokens; few: out of a hundred symbols."""
        period = int(rng.integers(least, most + 1))
        pool = self.few if few else None
        once = rng.choice(pool, period, replace=period > len(pool)) if few else rng.integers(1, self.n_vocab, period)
        tokens = np.resize(once, n).tolist()
        known = min(n, period + 1)
        return tokens, [0.0] * known + [1.0] * (n - known)

    def again(self, rng, n):
        """A stretch of a book, twice or more."""
        tokens, _ = self.text(rng, int(rng.integers(n // 4, n // 2)))
        known = min(n, len(tokens) + 1)
        return np.resize(tokens, n).tolist(), [1.0] * known + [1.0] * (n - known)

    def number(self, rng, digits):
        return str(rng.integers(1, 10)) + "".join(str(d) for d in rng.integers(0, 10, digits - 1))

    def pairs(self, rng, n):
        """A list "word: number", then its lines in another order."""
        tokens, weights = [], []
        lines = int(rng.integers(2, max(3, n // 24)))
        digits = int(rng.integers(1, 6))
        table = [(int(w), [self.encode(":" + " ")[0]] + self.encode(" " + self.number(rng, digits)))
                 for w in rng.choice(self.words, lines, replace=False)]
        newline = self.encode("\n")
        while len(tokens) < n:
            for i in rng.permutation(lines):
                word, value = table[i]
                known = 2.0 if len(weights) >= lines * (len(value) + 2) else 0.0
                tokens += newline + [word] + value
                weights += [0.0, 0.0, 0.0, 0.0] + [known] * (len(value) - 2)
        return tokens[:n], weights[:n]

    def passkey(self, rng, n, judged=0.7, weight=4.0, digits=5):
        """A number in a text, and the question; then, as far as there is room, the book goes on."""
        key = self.number(rng, digits)
        first, needle, ask = self.instruction, NEEDLE, self.ask
        if rng.random() >= judged:
            first, needle, ask = OTHER[rng.integers(len(OTHER))]
            first, ask = self.encode(first), self.encode(ask)
        spaced = self.encode(" " + key)
        needle_tokens = self.encode(needle.format(key))
        needle_weights = [0.1] * len(needle_tokens)
        mentions = [i for i in range(len(needle_tokens)) if needle_tokens[i : i + len(spaced)] == spaced]
        for at in mentions[1:]:
            needle_weights[at + 1 : at + len(spaced)] = [weight / 2] * digits
        for at in mentions[:1]:
            needle_weights[at + 1 : at + len(spaced)] = [0.0] * digits
        answer = spaced + self.encode(".")
        room = n - len(first) - len(needle_tokens) - len(ask) - len(answer)
        if room < 0:
            return self.passkey(rng, n, 0.0, weight, digits) if judged > 0 else self.text(rng, n)
        hay = room if rng.random() < 0.5 else int(rng.integers(0, room + 1))
        book, _ = self.text(rng, hay) if hay else ([], None)
        cut = int(rng.integers(0, hay + 1))
        tokens = first + book[:cut] + needle_tokens + book[cut:] + ask + answer
        weights = ([0.1] * len(first) + [1.0] * cut + needle_weights + [1.0] * (hay - cut) + [0.1] * len(ask) +
                   [0.1] + [weight] * digits + [0.5])
        rest = n - len(tokens)
        if rest > 1:
            more, more_weights = self.text(rng, rest - 1)
            tokens, weights = tokens + [0] + more, weights + [0.0] + more_weights
        elif rest:
            tokens, weights = tokens + [0], weights + [0.0]
        return tokens, weights

    def hard_number(self, rng):
        """Five digits mostly; half of the numbers repeat theirs, so that the digit before does not tell the next."""
        digits = 5 if rng.random() < 0.7 else int(rng.integers(1, 9))
        some = rng.choice(10, int(rng.integers(2, 5)), replace=False) if rng.random() < 0.5 else np.arange(10)
        number = "".join(str(d) for d in rng.choice(some, digits))
        return (str(rng.integers(1, 10)) if number[0] == "0" else number[0]) + number[1:]

    def mentions(self, tokens, spaced, weight, first):
        """Weights of a passage that names a number (its tokens with the space: `spaced`): the space, the digits and
        what follows them at every mention but the first; there nothing could know the digits."""
        weights, seen = [0.1] * len(tokens), 0
        for at in range(len(tokens) - len(spaced) + 1):
            if tokens[at : at + len(spaced)] == spaced:
                end = at + len(spaced)
                weights[at + 1 : end] = [weight if seen or not first else 0.0] * (len(spaced) - 1)
                if seen or not first:
                    weights[at] = weights[end] = weight
                seen += 1
        return weights

    def keys(self, rng, n, weight=4.0):
        """A number in a text with other numbers, and the question, at full length or less."""
        key = self.hard_number(rng)
        first, needle, ask = self.instruction, NEEDLE, self.ask
        kind = -1 if rng.random() < 0.75 else int(rng.integers(len(OTHER)))
        if kind >= 0:
            first, needle, ask = OTHER[kind]
            first, ask = self.encode(first), self.encode(ask)
        needle = self.encode(needle.format(key))
        answer = self.encode(" " + key)
        pieces = [(needle, self.mentions(needle, answer, weight / 2, True))]
        if rng.random() < 0.35:
            other = int(rng.integers(len(OTHER)))
            if other != kind and OTHER[other][1] != NEEDLE:
                more = self.encode(OTHER[other][1].format(self.hard_number(rng)))
                pieces.append((more, [0.0] * len(more)))
        answer = answer + self.encode(".\n")
        room = n - len(first) - sum(len(p) for p, _ in pieces) - len(ask) - len(answer)
        if room < 0:
            return self.keys(rng, n, weight)
        hay = room - int(rng.integers(0, 16)) if rng.random() < 0.7 else int(rng.integers(0, room + 1))
        hay = max(0, hay)
        book = self.text(rng, hay)[0] if hay else []
        tokens, weights = list(first), [0.1] * len(first)
        cuts = [0, *sorted(rng.integers(0, hay + 1, len(pieces)).tolist()), hay]
        order = rng.permutation(len(pieces))
        for i in range(len(cuts) - 1):
            tokens += book[cuts[i] : cuts[i + 1]]
            weights += [1.0] * (cuts[i + 1] - cuts[i])
            if i < len(pieces):
                tokens, weights = tokens + pieces[order[i]][0], weights + pieces[order[i]][1]
        tokens += ask + answer
        weights += [0.1] * len(ask) + [weight] * (len(answer) - 1) + [0.1]
        rest = n - len(tokens)
        if rest:
            tokens += ([0] + self.text(rng, rest)[0])[:rest]
            weights += ([0.0] + [1.0] * rest)[:rest]
        return tokens, weights

    def batch(self, rng, mix: dict[str, float], size: int, n: int):
        """tokens [size, n + 1] and weights [size, n + 1]."""
        tokens, weights = np.zeros((size, n + 1), np.int64), np.zeros((size, n + 1), np.float32)
        kinds, shares = list(mix), np.array(list(mix.values()))
        for row, kind in enumerate(rng.choice(kinds, size, p=shares / shares.sum())):
            make = {"text": self.text, "again": self.again, "pairs": self.pairs, "passkey": self.passkey, "keys": self.keys,
                    "few": lambda r, m: self.copies(r, m, 4, 24, True),
                    "copies": lambda r, m: self.copies(r, m, 4, m // 2, False),
                    "short-keys": lambda r, m: self.passkey(r, m, digits=int(r.integers(1, 6)))}[kind]
            tokens[row, 1:], weights[row, 1:] = make(rng, n)
        return tokens, weights
