-- Who follows whom; projected from the event log, like likes.
CREATE TABLE follow (
    viewer_id  UUID   NOT NULL,
    creator_id UUID   NOT NULL,
    at_ms      BIGINT NOT NULL,
    PRIMARY KEY (viewer_id, creator_id)
);
CREATE INDEX follow_by_creator ON follow (creator_id);

-- How often a video was considered for pages, by what became of it and by source.
CREATE TABLE video_reach (
    video_id UUID   NOT NULL,
    name     TEXT   NOT NULL,
    count    BIGINT NOT NULL,
    PRIMARY KEY (video_id, name)
);
