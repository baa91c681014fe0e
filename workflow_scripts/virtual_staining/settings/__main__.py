"""``python -m virtual_staining.settings`` (``make settings``): write what the classes generate."""

from virtual_staining.settings.documents import write_documents

if __name__ == "__main__":
    write_documents()
