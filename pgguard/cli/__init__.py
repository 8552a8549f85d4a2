"""The command line: one file for each subcommand; ``assemble`` alone joins objects, ``main`` lists the subcommands."""
