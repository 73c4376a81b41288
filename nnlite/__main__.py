"""`python -m nnlite`: the command line."""

from nnlite.cli import main

if __name__ == "__main__":
    main()
