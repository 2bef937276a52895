-- What a creator does for a video after it was made: captions, changes with their history, who may find it.

-- Timed text of a video, one track for each language, as Takt wrote it anew.
CREATE TABLE video_captions (
    video_id   UUID    NOT NULL,
    language   TEXT    NOT NULL,
    vtt        TEXT    NOT NULL,
    -- What is said, without times and marks, for searching.
    plain      TEXT    NOT NULL,
    -- A machine wrote it and nobody has edited it yet.
    automatic  BOOLEAN NOT NULL,
    updated_ms BIGINT  NOT NULL,
    PRIMARY KEY (video_id, language)
);

-- What was changed about a video since it was made; seen by its creator alone.
CREATE TABLE video_change (
    video_id UUID   NOT NULL,
    -- From 1 on, in the order in which they were made.
    number   BIGINT NOT NULL,
    at_ms    BIGINT NOT NULL,
    field    TEXT   NOT NULL,
    before   TEXT   NOT NULL,
    after    TEXT   NOT NULL,
    PRIMARY KEY (video_id, number)
);

-- Reached by its link alone.
ALTER TABLE video ADD COLUMN unlisted BOOLEAN NOT NULL DEFAULT FALSE;
-- What becomes of duets and stitches with it whose creators may no longer use it.
ALTER TABLE video ADD COLUMN reuse_on_revoke TEXT NOT NULL DEFAULT 'keep';
-- The other's part of this duet or stitch was withdrawn and taken out.
ALTER TABLE video ADD COLUMN part_withdrawn BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX video_by_lineage ON video (lineage_video_id, id);
