"""One module per revision, named for it; never changed once released."""
