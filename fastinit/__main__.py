"""The entry of the command: says what to install where its libraries are missing."""

import sys


def main() -> None:
    try:
        from fastinit.cli.app import run
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] == "fastinit":
            raise
        from fastinit.runtime.installation import install_hint

        print(f"fastinit: the command needs {error.name}: {install_hint('cli')}", file=sys.stderr)
        sys.exit(2)
    run()


if __name__ == "__main__":
    main()
