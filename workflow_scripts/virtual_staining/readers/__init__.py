"""Raw files of any container, opened lazily."""
