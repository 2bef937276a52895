-- What is being edited. `video_id`: the video published from it, while that is being made or if it failed.
CREATE TABLE draft (
    id         UUID   NOT NULL PRIMARY KEY,
    account_id UUID   NOT NULL,
    title      TEXT   NOT NULL,
    edit       JSON   NOT NULL,
    revision   BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    video_id   UUID
);
CREATE INDEX draft_by_account ON draft (account_id, updated_ms);
CREATE INDEX draft_by_video ON draft (video_id);

-- The edit list a video was rendered from, to go on with.
CREATE TABLE video_edit (
    video_id   UUID NOT NULL PRIMARY KEY,
    account_id UUID NOT NULL,
    title      TEXT NOT NULL,
    edit       JSON NOT NULL
);

-- The uploads that a draft or a video's edit list names; they are kept as long as one does.
CREATE TABLE edit_upload (
    owner_id  UUID NOT NULL,
    upload_id UUID NOT NULL,
    PRIMARY KEY (owner_id, upload_id)
);
CREATE INDEX edit_upload_by_upload ON edit_upload (upload_id);

-- Who may take a part of a video or make a duet with it, and what it says to those who do not see it.
ALTER TABLE video ADD COLUMN reuse_consent TEXT NOT NULL DEFAULT 'everyone';
ALTER TABLE video ADD COLUMN alt_text TEXT NOT NULL DEFAULT '';
-- What a duet or a stitch was made with. Kept when that is deleted: the credit stays.
ALTER TABLE video ADD COLUMN lineage_kind TEXT;
ALTER TABLE video ADD COLUMN lineage_video_id UUID;
ALTER TABLE video ADD COLUMN lineage_creator_id UUID;
