"""The subcommands, one file each: arguments in, lines on the screen and an exit code out."""
