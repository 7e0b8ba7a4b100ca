use okta_coralogix_cookbook::sqlite_sink::SqliteSink;
use okta_coralogix_core::testing::conformance::sink_that_accepts_everything;
use okta_coralogix_core::testing::{MemoryDeadLetters, MemorySource};
use okta_coralogix_core::{AckOrder, ErrorKind, LogSink, Mapping, Pipeline, RawEvent};
use rusqlite::Connection;

struct Database {
    _folder: tempfile::TempDir,
    sink: SqliteSink,
    other: Connection,
}

impl Database {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.db");
        let sink = SqliteSink::open(&path).unwrap();
        let other = Connection::open(path).unwrap();
        Self {
            _folder: folder,
            sink,
            other,
        }
    }

    fn documents(&self) -> Vec<String> {
        let mut select = self
            .other
            .prepare("SELECT document FROM events ORDER BY rowid")
            .unwrap();
        let rows = select.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

#[tokio::test]
async fn sqlite_sink_keeps_the_contract() {
    let database = std::sync::Mutex::new(Database::new());
    let sink = database.lock().unwrap().sink.clone();
    sink_that_accepts_everything(&sink, &|| database.lock().unwrap().documents()).await;
}

#[tokio::test]
async fn each_event_is_stored_once_however_often_it_comes() {
    let database = Database::new();
    let events = super::events(700);
    for _ in 0..2 {
        let source = MemorySource::new(AckOrder::Cumulative, vec![super::json(&events)]);
        let pipeline =
            Pipeline::builder(source, database.sink.clone()).mapping(super::plain_mapping());
        let ended = pipeline.build().unwrap().run(std::future::pending()).await;
        assert_eq!(ended.unwrap().delivered, 700);
    }
    let documents = database.documents();
    let sent = events
        .iter()
        .map(|event| String::from_utf8_lossy(&event.json));
    assert!(documents.iter().eq(sent.collect::<Vec<_>>().iter()));
}

#[tokio::test]
async fn locked_database_is_tried_again_and_a_refused_row_is_not() {
    let database = Database::new();
    let entries: Vec<_> = super::events(3)
        .iter()
        .map(|event| RawEvent::parse(event.json.clone(), std::sync::Arc::default()).unwrap())
        .map(|event| super::plain_mapping().map(&event).unwrap())
        .collect();
    let batch = database.sink.encode(&entries).unwrap();

    database.other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let locked = database.sink.send(&batch).await.unwrap_err();
    assert!(
        locked.is_temporary() && locked.kind() == ErrorKind::Storage,
        "{locked}"
    );
    database.other.execute_batch("ROLLBACK").unwrap();

    let uuid = &entries[2].event_uuid.as_ref().unwrap().plain().into_owned();
    let refuse = format!(
        "CREATE TRIGGER no BEFORE INSERT ON events WHEN NEW.uuid = '{uuid}' BEGIN SELECT RAISE(ABORT, 'no'); END"
    );
    database.other.execute_batch(&refuse).unwrap();
    let refused = database.sink.send(&batch).await.unwrap_err();
    assert_eq!(
        (refused.kind(), refused.is_temporary()),
        (ErrorKind::Rejected, false)
    );
    assert_eq!(
        database.documents(),
        [""; 0],
        "a refused batch leaves nothing"
    );

    let letters = MemoryDeadLetters::default();
    let source = MemorySource::new(AckOrder::Cumulative, vec![super::json(&super::events(3))]);
    let pipeline = Pipeline::builder(source, database.sink.clone()).mapping(super::plain_mapping());
    let pipeline = pipeline.dead_letters(letters.clone()).build().unwrap();
    let summary = pipeline.run(std::future::pending()).await.unwrap();
    assert_eq!((summary.delivered, summary.dead_lettered), (2, 1));
}
