"""Finds the tenant's handler, or says in a line or two why it cannot be had."""

import importlib
import os
import sys


class LoadFailure(Exception):
    """Message: one or two lines for the function's author."""


def _line_in_code(error, folder):
    """Deepest frame of the traceback that lies in the function's own code, as `file line n`."""
    found = None
    trace = error.__traceback__
    prefix = folder.rstrip("/") + "/"
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name.startswith(prefix) and not name.startswith(prefix + ".packages/"):
            found = f"{name[len(prefix):]} line {trace.tb_lineno}"
        trace = trace.tb_next
    return found


def _explain(error, folder, file):
    if isinstance(error, SyntaxError) and error.filename:
        name = error.filename
        prefix = folder.rstrip("/") + "/"
        text = f"{type(error).__name__} in {name[len(prefix):] if name.startswith(prefix) else name} line {error.lineno}: {error.msg}"
        return text + (f"\n    {error.text.strip()}" if error.text and error.text.strip() else "")
    where = _line_in_code(error, folder) or file
    message = str(error).strip().splitlines()
    return f"{type(error).__name__} in {where}" + (f": {message[0]}" if message else "")


def load_handler(handler, folder):
    """`<file without ending>.<function>` in `folder` to a callable; raises `LoadFailure`."""
    module_path, dot, name = handler.rpartition(".")
    if not dot or not module_path or not name:
        raise LoadFailure(f'The handler is "{handler}"; it must be <file without .py>.<function>, for example handler.handle')
    module_name = module_path.replace("/", ".")
    file = module_name.replace(".", "/") + ".py"
    if not os.path.isfile(os.path.join(folder, file)):
        file_init = module_name.replace(".", "/") + "/__init__.py"
        if not os.path.isfile(os.path.join(folder, file_init)):
            raise LoadFailure(f'{file} was not found in the function\'s code (the handler is "{handler}")')
        file = file_init
    # As Python itself orders them: own files, standard library, installed packages.
    sys.path.insert(0, folder)
    sys.path.append(os.path.join(folder, ".packages"))
    loaded = sys.modules.get(module_name.partition(".")[0])
    if loaded is not None:
        raise LoadFailure(f'{file} bears the name of a library module that Python has loaded; rename it')
    try:
        module = importlib.import_module(module_name)
    except BaseException as error:  # noqa: BLE001 - the author's code may raise anything, SystemExit too
        raise LoadFailure(_explain(error, folder, file)) from None
    found = getattr(module, name, None)
    if found is None:
        raise LoadFailure(f'{file} has no function "{name}"')
    if not callable(found):
        raise LoadFailure(f'"{name}" in {file} is not a function')
    return found
