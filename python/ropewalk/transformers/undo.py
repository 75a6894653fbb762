# SPDX-License-Identifier: Apache-2.0
"""Putting something in the place of a module's attribute, so that it can be taken back."""


def put_in(module, name, value):
    """module.name = value; what the result does when it is called is to make it as it was."""
    own = module.__dict__.get(name)
    module.__dict__[name] = value

    def back():
        module.__dict__.pop(name, None)
        if own is not None:
            module.__dict__[name] = own

    return back
