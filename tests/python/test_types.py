# SPDX-License-Identifier: Apache-2.0
"""The types of the installed package, as mypy (in the same environment) and an editor see them.

    python tests/python/test_types.py
"""
import ast
import pathlib
import subprocess
import sys
import tempfile
import unittest

import ropewalk

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = tempfile.TemporaryDirectory()  # from which nothing is imported; of what mypy keeps
PACKAGE = pathlib.Path(ropewalk.__file__).resolve().parent


def mypy(*words):
    return subprocess.run([sys.executable, "-m", "mypy", "--strict", "--ignore-missing-imports", *words], cwd=FOLDER.name,
                          capture_output=True, text=True, check=False)


def untyped(annotation):
    """Whether it is Any, object or nothing; what a callback returns may be."""
    if annotation is None:
        return True
    if isinstance(annotation, ast.Subscript) and isinstance(annotation.value, ast.Name) and annotation.value.id == "Callable":
        annotation = annotation.slice.elts[0]
    if isinstance(annotation, ast.Name):
        return annotation.id in ("Any", "object")
    return any(untyped(part) for part in ast.iter_child_nodes(annotation) if isinstance(part, ast.expr))


class Types(unittest.TestCase):
    def test_a_users_program(self):
        done = mypy(str(HERE / "typed_use.py"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_what_is_wrong_is_seen(self):
        wrong = ("m.tokenize(1)", "m.detokenize(b'', special='')", "ropewalk.Session(m, '16k')", "ropewalk.choose('16k', m.rope_context(0))",
                 "ropewalk.plan('none', 8, heads=2)", "ropewalk.Session(m, 8).generate('', progress=lambda: None)",
                 "ropewalk.score(['a'], ['a'])['bleu'].upper()", "ropewalk.Engine(m).step([1])", "ropewalk.Session(m, 8).read([]).shape",
                 "m.rope_context(0)['heads']", "ropewalk.layers({}, [True])[0].acts")
        done = mypy("-c", "\n".join(["import ropewalk", "m = ropewalk.Model('m')", *wrong]))
        for line, words in enumerate(wrong, 3):
            self.assertIn(f"<string>:{line}: error", done.stdout, words)

    def test_the_package_itself(self):
        names = ("ropewalk", "ropewalk._core", "ropewalk._errors", "ropewalk._judge", "ropewalk._types")
        done = mypy(*(word for name in names for word in ("-m", name)))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_nothing_of_the_stub_is_any(self):
        stub = ast.parse((PACKAGE / "_core.pyi").read_text(encoding="utf-8"))
        functions = [node for node in ast.walk(stub) if isinstance(node, ast.FunctionDef)]
        self.assertGreater(len(functions), 80)
        for function in functions:
            arguments = [a for a in function.args.posonlyargs + function.args.args + function.args.kwonlyargs if a.arg != "self"]
            for name, annotation in [("->", function.returns), *((a.arg, a.annotation) for a in arguments)]:
                self.assertFalse(untyped(annotation), f"{function.name}: {name}")


if __name__ == "__main__":
    unittest.main()
