"""What a product is and how it gets in: file formats, ingest, images, snapshots and synthetic catalogues."""
