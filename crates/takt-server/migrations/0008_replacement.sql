-- A new edit of a published video, while it is made and where it could not be. Until it is, the old one is served.
CREATE TABLE video_replacement (
    video_id        UUID   NOT NULL PRIMARY KEY,
    -- The job that makes it; another one that still runs was for an earlier wish.
    job_id          UUID   NOT NULL,
    draft_id        UUID   NOT NULL,
    -- The draft as it was when this was asked for.
    revision        BIGINT NOT NULL,
    title           TEXT   NOT NULL,
    edit            JSON   NOT NULL,
    stage           TEXT   NOT NULL,
    percent         BIGINT NOT NULL,
    failure_code    TEXT,
    failure_message TEXT
);

-- The video whose edit list a draft began with.
ALTER TABLE draft ADD COLUMN edit_of UUID;
