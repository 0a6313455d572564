"""A reader's own copies of the chapters, in `work/`: a newer course goes in, and nothing that you wrote goes out."""
