"""Where rows and bytes live: a database, an object store, and the schema's migrations."""
