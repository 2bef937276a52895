-- Times are UTC milliseconds, ids are UUIDv7 minted by Takt. Portable column types only.

CREATE TABLE account (
    id            UUID   NOT NULL PRIMARY KEY,
    handle        TEXT   NOT NULL UNIQUE,
    password_hash TEXT   NOT NULL,
    viewer_id     UUID   NOT NULL,
    created_ms    BIGINT NOT NULL
);

CREATE TABLE recovery_code (
    account_id UUID  NOT NULL,
    code_hash  BYTEA NOT NULL,
    PRIMARY KEY (account_id, code_hash)
);

CREATE TABLE session (
    token_hash   BYTEA  NOT NULL PRIMARY KEY,
    id           UUID   NOT NULL UNIQUE,
    viewer_id    UUID   NOT NULL,
    account_id   UUID,
    client       TEXT   NOT NULL,
    created_ms   BIGINT NOT NULL,
    last_seen_ms BIGINT NOT NULL,
    expires_ms   BIGINT NOT NULL
);
CREATE INDEX session_by_account ON session (account_id);
CREATE INDEX session_by_expiry ON session (expires_ms);

CREATE TABLE upload (
    id          UUID   NOT NULL PRIMARY KEY,
    account_id  UUID   NOT NULL,
    bytes_total BIGINT NOT NULL,
    metadata    TEXT   NOT NULL,
    created_ms  BIGINT NOT NULL,
    expires_ms  BIGINT NOT NULL,
    video_id    UUID
);
CREATE INDEX upload_by_expiry ON upload (expires_ms);
CREATE INDEX upload_by_account ON upload (account_id);

CREATE TABLE video (
    id               UUID    NOT NULL PRIMARY KEY,
    account_id       UUID    NOT NULL,
    status           TEXT    NOT NULL,
    failure_code     TEXT,
    failure_message  TEXT,
    stage            TEXT    NOT NULL,
    percent          BIGINT  NOT NULL,
    caption          TEXT    NOT NULL,
    language         TEXT,
    ai_generated     BOOLEAN NOT NULL,
    sound_id         UUID,
    source_sha256    TEXT,
    poster_ms        BIGINT  NOT NULL,
    duration_ms      BIGINT  NOT NULL,
    width            BIGINT  NOT NULL,
    height           BIGINT  NOT NULL,
    poster_file      TEXT,
    first_frame_file TEXT,
    thumbhash        BYTEA,
    loudness_centilufs BIGINT,
    created_ms       BIGINT  NOT NULL,
    published_ms     BIGINT
);
CREATE INDEX video_by_publication ON video (published_ms, id);
CREATE INDEX video_by_account ON video (account_id, id);
CREATE INDEX video_by_source ON video (account_id, source_sha256);
CREATE INDEX video_by_sound ON video (sound_id, id);

CREATE TABLE rendition (
    video_id UUID   NOT NULL,
    file     TEXT   NOT NULL,
    position BIGINT NOT NULL,
    width    BIGINT NOT NULL,
    height   BIGINT NOT NULL,
    codec    TEXT   NOT NULL,
    bytes    BIGINT NOT NULL,
    PRIMARY KEY (video_id, file)
);

-- Videos whose audio packets are the same to the bit share a sound.
CREATE TABLE sound (
    id         UUID   NOT NULL PRIMARY KEY,
    digest     BYTEA  NOT NULL UNIQUE,
    video_id   UUID   NOT NULL,
    account_id UUID   NOT NULL,
    created_ms BIGINT NOT NULL
);

-- What follows is projected from the event log; `projection` says up to which position.

CREATE TABLE video_like (
    video_id  UUID   NOT NULL,
    viewer_id UUID   NOT NULL,
    at_ms     BIGINT NOT NULL,
    PRIMARY KEY (video_id, viewer_id)
);
CREATE INDEX video_like_by_viewer ON video_like (viewer_id);

CREATE TABLE video_count (
    video_id UUID   NOT NULL PRIMARY KEY,
    likes    BIGINT NOT NULL,
    views    BIGINT NOT NULL,
    shares   BIGINT NOT NULL
);

CREATE TABLE projection (
    name     TEXT   NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
);
