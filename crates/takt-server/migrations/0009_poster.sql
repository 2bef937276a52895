-- The poster that the video had when this draft began as an edit of it.
ALTER TABLE draft ADD COLUMN poster_ms BIGINT;

-- The poster that the video had when an edit with another one was wished for. Without it the poster is to stay.
ALTER TABLE video_replacement ADD COLUMN poster_ms BIGINT;
