# SPDX-License-Identifier: Apache-2.0
"""The tokenizer: byte-level BPE as GGUF's pre-tokenizer "smollm" splits it (every digit alone, then GPT-2's
pattern). Token 0, <|endoftext|>, begins a document and ends it."""
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|endoftext|>"


def train(texts: list[str], extra: list[str], n_vocab: int) -> Tokenizer:
    """`extra`: wordings that the vocabulary shall hold well; each counts 200 times."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=n_vocab, special_tokens=[END], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False)
    tokenizer.train_from_iterator(texts + extra * 200, trainer)
    return tokenizer
