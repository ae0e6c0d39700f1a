"""`python -m aisle` is the command line."""

from aisle.cli import main

if __name__ == "__main__":
    main()
