-- What the Content Credentials of the upload are worth: 'valid', 'broken', or none that were found.
ALTER TABLE video ADD COLUMN provenance TEXT;
