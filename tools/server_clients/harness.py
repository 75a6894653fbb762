# SPDX-License-Identifier: Apache-2.0
"""lm-evaluation-harness through the server and through transformers, on the same weights in float32: the same tasks, made here of
texts in data/ (its own come from the network). Every way to ask the server must give the same numbers to the bit, but for
`gguf`, which asks for more logprobs and texts; transformers' within rounding."""
import json
import os
import random
import re

import lm_eval
import lm_eval.tasks
import torch
import transformers

import served

CHOICE = """task: rw_choice
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/choice.jsonl}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{context}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: label
metric_list: [{{metric: acc}}, {{metric: acc_norm}}]
"""
ROLLING = """task: rw_rolling
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/rolling.jsonl}}}}
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{{{text}}}}"
metric_list: [{{metric: word_perplexity}}, {{metric: bits_per_byte}}]
"""
WRITE = """task: rw_write
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/write.jsonl}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["###"], max_gen_toks: 24, do_sample: false, temperature: 0}}
metric_list: [{{metric: exact_match}}]
"""
QUESTIONS = ["What is the capital of France?", "Name a colour.", "How many days has a week?", "What is ice made of?", "Who wrote Persuasion?",
             "Name an animal that flies.", "What is two and two?", "What do bees make?"]
MOST = 1024  # tokens that the model sees at once, of the harness


def make_tasks(folder, root, limit):
    draw = random.Random(1)
    text = (root / "data/persuasion.txt").read_text(encoding="utf-8")
    sentences = [" ".join(s.split()) for s in re.split(r"(?<=[.!?])\s+", text[5000:200_000])]
    whole = [i for i in range(40, len(sentences) - 40) if 40 < len(sentences[i]) < 200]
    with open(folder / "choice.jsonl", "w", encoding="utf-8") as file:
        for i in draw.sample(whole, limit):
            choices = [sentences[i], *(sentences[j] for j in draw.sample(whole, 3))]
            label = draw.randrange(4)
            choices[0], choices[label] = choices[label], choices[0]
            context = " ".join(sentences[i - draw.choice((2, 8, 20)):i])
            file.write(json.dumps({"context": context, "choices": choices, "label": label}) + "\n")
    with open(folder / "rolling.jsonl", "w", encoding="utf-8") as file:
        for n in (300, 2500, 9000):  # the last two are longer than what is seen at once
            at = draw.randrange(50_000, 150_000)
            file.write(json.dumps({"text": text[at:at + n]}) + "\n")
    with open(folder / "write.jsonl", "w", encoding="utf-8") as file:
        for question in QUESTIONS:
            file.write(json.dumps({"question": question, "answer": ""}) + "\n")
    for name, task in (("choice", CHOICE), ("rolling", ROLLING), ("write", WRITE)):
        (folder / f"{name}.yaml").write_text(task.format(folder=folder), encoding="utf-8")


def weights(file, folder):
    """The GGUF file's weights as a folder of float32, which transformers and ropewalk both read."""
    if not (folder / "config.json").exists():
        source = {"pretrained_model_name_or_path": file.parent, "gguf_file": file.name}
        read = transformers.AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
        plain = {name: value for name, value in read.config.to_dict().items() if name != "quantization_config"}
        model = transformers.AutoModelForCausalLM.from_config(type(read.config)(**plain), dtype=torch.float32)  # what was read is not saved
        model.load_state_dict(read.state_dict())
        model.save_pretrained(folder)
        transformers.AutoTokenizer.from_pretrained(**source).save_pretrained(folder)
    return folder


def evaluate(tasks, names, kind, more, **settings):
    """{(task, item): what the harness got for it}, and the table's numbers."""
    result = lm_eval.simple_evaluate(model=kind, model_args=more, tasks=names, task_manager=tasks, log_samples=True, bootstrap_iters=0,
                                     random_seed=1, **settings)
    answers = {(task, sample["doc_id"]): sample["resps"] for task, samples in result["samples"].items() for sample in samples}
    numbers = {(task, metric): value for task, values in result["results"].items() for metric, value in values.items() if isinstance(value, float)}
    return answers, numbers


def loglikelihoods(answers, task):
    """[(sum of logprobs, greedy or None)] of every request of a task, in order."""
    found = []
    for (name, _), responses in sorted(answers.items(), key=lambda x: x[0][1]):
        if name == task:
            for response in responses:
                value = response[0] if isinstance(response, (list, tuple)) and len(response) == 1 else response
                found.append((float(value[0]), bool(value[1])) if isinstance(value, (list, tuple)) else (float(value), None))
    return found


def compare(check, name, found, expected, tolerance):
    for task in ("rw_choice", "rw_rolling"):
        ours, theirs = loglikelihoods(found, task), loglikelihoods(expected, task)
        if not ours:
            continue
        worst = max(abs(a[0] - b[0]) for a, b in zip(ours, theirs))
        other = sum(a[1] != b[1] for a, b in zip(ours, theirs))
        print(f"  {name}, {task}: {len(ours)} sums of logprobs, worst difference {worst:.2e}, {other} greedy or not differ", flush=True)
        check(len(ours) == len(theirs) > 0 and worst <= tolerance and other == 0, f"{name}, {task}: {worst}, {other}")


def texts(answers):
    return {item: str(responses[0][0]) for (task, item), responses in answers.items() if task == "rw_write"}


def run(args, check, root):
    print(f"lm_eval {getattr(lm_eval, '__version__', '?')}, transformers {transformers.__version__}, torch {torch.__version__}")
    work = args.work.resolve()
    make_tasks(work, root, args.limit)
    folder = weights(args.model, work / "float32")
    tasks = lm_eval.tasks.TaskManager(include_path=str(work), include_defaults=False)
    scored = ["rw_choice", "rw_rolling"]
    torch.set_num_threads(os.cpu_count())
    expected, theirs = evaluate(tasks, [*scored, "rw_write"], "hf", {"pretrained": str(folder), "dtype": "float32", "max_length": MOST}, device="cpu",
                                batch_size=1)
    chat_expected, _ = evaluate(tasks, ["rw_write"], "hf", {"pretrained": str(folder), "dtype": "float32", "max_length": MOST}, device="cpu", batch_size=1,
                                apply_chat_template=True)
    with served.Server(args.ropewalk, f"smol={folder}", "--precision", "f32", "--method", "none", "-c", "4096", seconds=300) as server:
        url = server.url.rstrip("/")
        local = {"model": "smol", "base_url": f"{url}/v1/completions", "tokenizer": str(folder), "tokenizer_backend": "huggingface", "max_length": MOST + 2,
                 "max_retries": 1}
        found, ours = evaluate(tasks, [*scored, "rw_write"], "local-completions", local)
        compare(check, "local-completions against transformers", found, expected, 0.02)
        for key, value in theirs.items():
            print(f"  {key[0]} {key[1]}: transformers {value:.6f}, served {ours.get(key, float('nan')):.6f}")
            close = abs(ours.get(key, float("inf")) - value) <= (1e-3 * abs(value) if "perplexity" in key[1] or "byte" in key[1] else 1e-9)
            check(close, f"{key}: {ours.get(key)}, transformers {value}")
        same = sum(texts(found)[i] == text for i, text in texts(expected).items())
        print(f"  rw_write: {same} of {len(QUESTIONS)} texts equal transformers'")
        check(same == len(QUESTIONS), f"written: {texts(found)}, transformers {texts(expected)}")
        for what, names, more in (("four at a time", scored, {"batch_size": 4}), ("eight requests at once", scored, {"num_concurrent": 8}),
                                  ("texts, not ids", scored[:1], {"tokenized_requests": False})):
            again, _ = evaluate(tasks, names, "local-completions", {**local, **more})
            compare(check, f"{what}, against one at a time", again, found, 0)
        chat, _ = evaluate(tasks, ["rw_write"], "local-chat-completions", {"model": "smol", "base_url": f"{url}/v1/chat/completions",
                                                                          "max_retries": 1, "eos_string": "<|im_end|>"}, apply_chat_template=True)
        same = sum(texts(chat)[i] == text for i, text in texts(chat_expected).items())
        print(f"  rw_write in chat: {same} of {len(QUESTIONS)} texts equal transformers'")
        check(same == len(QUESTIONS), f"written in chat: {texts(chat)}, transformers {texts(chat_expected)}")
        gguf, _ = evaluate(tasks, ["rw_choice"], "gguf", {"base_url": url})
        whole, _ = evaluate(tasks, ["rw_choice"], "local-completions", {**local, "max_length": 4096, "tokenized_requests": False})  # gguf cuts none
        compare(check, "gguf against local-completions that cuts no text either", gguf, whole, 1e-4)
        check(server.idle(), "nothing is left at work")
