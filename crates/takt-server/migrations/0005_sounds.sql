-- Sounds are first-class: made of videos or uploaded on their own, recognised by fingerprint, owned and lent by consent.

CREATE TABLE sound_next (
    id              UUID   NOT NULL PRIMARY KEY,
    -- Whose it is; null for the cell's own and once the owner's account is gone.
    account_id      UUID,
    -- The video it comes from; null for one uploaded alone and once that video is gone.
    video_id        UUID,
    -- It came from a video, whether that is still there or not.
    from_video      BOOLEAN NOT NULL,
    status          TEXT   NOT NULL,
    failure_code    TEXT,
    failure_message TEXT,
    -- Empty: named after its owner.
    title           TEXT   NOT NULL,
    credit          TEXT   NOT NULL,
    licence         TEXT   NOT NULL,
    source_url      TEXT,
    -- What searching looks at: title, credit and owner in lower case.
    search_text     TEXT   NOT NULL,
    consent         TEXT   NOT NULL,
    on_revoke       TEXT   NOT NULL,
    duration_ms     BIGINT NOT NULL,
    -- Null until it was listened to.
    audio_file      TEXT,
    peaks           BYTEA,
    tempo           TEXT,
    fingerprint     BYTEA,
    created_ms      BIGINT NOT NULL
);
INSERT INTO sound_next (id, account_id, video_id, from_video, status, title, credit, licence, search_text, consent, on_revoke,
                        duration_ms, created_ms)
    SELECT s.id, s.account_id, s.video_id, TRUE, 'ready', '', '', 'all_rights_reserved', a.handle, 'everyone', 'keep',
           v.duration_ms, s.created_ms
    FROM sound s JOIN account a ON a.id = s.account_id JOIN video v ON v.id = s.video_id;

-- Audio packets that are the same to the bit are known without listening.
CREATE TABLE sound_digest (
    digest   BYTEA NOT NULL PRIMARY KEY,
    sound_id UUID  NOT NULL
);
CREATE INDEX sound_digest_by_sound ON sound_digest (sound_id);
INSERT INTO sound_digest (digest, sound_id) SELECT digest, id FROM sound;

DROP TABLE sound;
ALTER TABLE sound_next RENAME TO sound;
CREATE INDEX sound_by_account ON sound (account_id);
CREATE INDEX sound_by_video ON sound (video_id);

-- A sample of each sound's landmarks: sounds that share some are worth comparing.
CREATE TABLE sound_key (
    landmark BIGINT NOT NULL,
    sound_id UUID   NOT NULL,
    PRIMARY KEY (landmark, sound_id)
);
CREATE INDEX sound_key_by_sound ON sound_key (sound_id);

CREATE TABLE sound_save (
    account_id UUID   NOT NULL,
    sound_id   UUID   NOT NULL,
    at_ms      BIGINT NOT NULL,
    PRIMARY KEY (account_id, sound_id)
);
CREATE INDEX sound_save_by_sound ON sound_save (sound_id);

-- What a video's frames look like, to recognise the same video; parts of the hashes to find it by.
CREATE TABLE video_picture (
    video_id UUID  NOT NULL PRIMARY KEY,
    hashes   BYTEA NOT NULL
);
CREATE TABLE video_picture_key (
    part     BIGINT NOT NULL,
    video_id UUID   NOT NULL,
    PRIMARY KEY (part, video_id)
);
CREATE INDEX video_picture_key_by_video ON video_picture_key (video_id);

-- Who may use the sound that comes of this video.
ALTER TABLE video ADD COLUMN sound_consent TEXT NOT NULL DEFAULT 'everyone';
-- Its creator chose the sound from the library, rather than it being recognised.
ALTER TABLE video ADD COLUMN sound_picked BOOLEAN NOT NULL DEFAULT FALSE;
-- Where in the sound the video begins.
ALTER TABLE video ADD COLUMN sound_start_ms BIGINT NOT NULL DEFAULT 0;
-- Its sound was withdrawn by the sound's owner.
ALTER TABLE video ADD COLUMN muted BOOLEAN NOT NULL DEFAULT FALSE;
-- The earlier video it is a copy of.
ALTER TABLE video ADD COLUMN duplicate_of UUID;
CREATE INDEX video_by_original ON video (duplicate_of);
