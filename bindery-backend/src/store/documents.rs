//! Documents: indexed under a name, replaced when their content differs, removed on request.

mod chunks;
mod read;

use rusqlite::Connection;
use sha2::{Digest, Sha256};
use shared_types::{
    DocumentId, Error, ErrorCode, ProjectId, TaskId, Timestamp,
    document::{CONTENT_LIMIT, Document, DocumentWritten, IndexDocument, IndexOutcome},
    history::Action,
    operation,
    search::EntityKind,
};

use super::{
    fault::Fault,
    history::{self, Difference, Entry, Texts},
    record::hex,
    replay::write_operation,
    resolve::{self, required},
    sql::{Sql, from_row},
    transaction::Tx,
};

/// How much of a first line becomes a title, in characters.
const TITLE_CHARS: usize = 200;

/// Fields that follow from the write itself.
const DERIVED: &[&str] = &["updated_at", "version"];

struct DocumentRow {
    id: i64,
    uri: String,
    title: String,
    content_hash: String,
    bytes: i64,
    chunks: i64,
    project_id: Option<i64>,
    task_id: Option<i64>,
    created_at: i64,
    updated_at: i64,
    version: i64,
    /// Only when it was asked for.
    content: Option<String>,
}

from_row!(DocumentRow {
    id,
    uri,
    title,
    content_hash,
    bytes,
    chunks,
    project_id,
    task_id,
    created_at,
    updated_at,
    version,
    content
});

impl DocumentRow {
    fn into_document(self) -> Document {
        Document {
            id: DocumentId::from_row_id(self.id),
            uri: self.uri,
            title: self.title,
            content_hash: self.content_hash,
            bytes: self.bytes,
            chunks: self.chunks,
            project_id: self.project_id.map(ProjectId::from_row_id),
            task_id: self.task_id.map(TaskId::from_row_id),
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
            version: self.version,
            content: self.content,
        }
    }
}

/// `SELECT` of everything that makes a [`Document`] but its content, from `documents d`.
macro_rules! select_documents {
    ($rest:literal) => {
        concat!(
            "SELECT d.id, d.uri, d.title, d.content_hash, d.bytes, d.chunks, d.project_id, d.task_id,
                    d.created_at, d.updated_at, d.version, NULL AS content
             FROM documents d ",
            $rest
        )
    };
}
use select_documents;

write_operation!(operation::IndexDocument, index);

fn index(tx: &mut Tx<'_>, input: IndexDocument) -> Result<DocumentWritten, Fault> {
    let stored = by_uri(tx.connection, &input.uri)?;
    let (document, outcome) = if input.remove {
        let Some(stored) = stored else { return Err(not_indexed(&input.uri).into()) };
        (remove(tx, stored)?, IndexOutcome::Removed)
    } else {
        put(tx, stored, input)?
    };
    Ok(DocumentWritten { document, outcome, replayed: false, guard: tx.caller.guard.clone() })
}

fn not_indexed(uri: &str) -> Error {
    Error::new(ErrorCode::NotFound, format!("there is no document \"{uri}\""))
        .at("uri")
        .suggest("Find it with search_entities types=[\"document\"].")
}

fn by_uri(connection: &Connection, uri: &str) -> Result<Option<Document>, Fault> {
    let row: Option<DocumentRow> = connection.first(select_documents!("WHERE d.uri = ?1"), (uri,))?;
    Ok(row.map(DocumentRow::into_document))
}

/// Indexes a new document, or brings the stored one to what is given.
fn put(
    tx: &mut Tx<'_>,
    stored: Option<Document>,
    input: IndexDocument,
) -> Result<(Document, IndexOutcome), Fault> {
    let content = required(input.content, "", "content")?;
    check(&input.uri, &content)?;
    let content_hash = hex(&Sha256::digest(&content));
    let project_id = match &input.project_id {
        Some(reference) => Some(resolve::project(tx.connection, reference, "project_id")?),
        None => stored.as_ref().and_then(|stored| stored.project_id),
    };
    let task_id = match &input.task_id {
        Some(reference) => Some(resolve::live_task_id(tx.connection, reference, "task_id", &[])?),
        None => stored.as_ref().and_then(|stored| stored.task_id),
    };
    // Content that is the same keeps the title it was given.
    let kept = stored.as_ref().filter(|stored| stored.content_hash == content_hash);
    let title = input
        .title
        .or_else(|| kept.map(|stored| stored.title.clone()))
        .unwrap_or_else(|| title_of(&content, &input.uri));
    let texts = chunks::cut(&content);
    let document = Document {
        id: stored.as_ref().map_or_else(|| DocumentId::from_row_id(tx.new_row_id()), |stored| stored.id),
        uri: input.uri,
        title,
        content_hash,
        bytes: content.len() as i64,
        chunks: texts.len() as i64,
        project_id,
        task_id,
        created_at: stored.as_ref().map_or(tx.now, |stored| stored.created_at),
        updated_at: tx.now,
        version: stored.as_ref().map_or(1, |stored| stored.version + 1),
        content: None,
    };
    let (outcome, difference) = match &stored {
        None => (IndexOutcome::Created, Difference::creation(&document)?),
        Some(stored) => (IndexOutcome::Replaced, Difference::between(stored, &document, DERIVED)?),
    };
    if difference.is_empty() {
        return Ok((stored.unwrap_or(document), IndexOutcome::Unchanged));
    }
    write(tx, &document, &content, &texts)?;
    put_down(tx, &document, Texts::of(&difference)?)?;
    Ok((document, outcome))
}

/// Refuses a name or a content that no document can have.
pub(super) fn check(uri: &str, content: &str) -> Result<(), Error> {
    if uri.trim().is_empty() {
        return Err(Error::new(ErrorCode::InvalidValue, "uri must not be blank").at("uri"));
    }
    if content.chars().count() > CONTENT_LIMIT {
        return Err(Error::new(
            ErrorCode::LimitExceeded,
            format!("content is longer than {CONTENT_LIMIT} characters"),
        )
        .at("content")
        .suggest("Index the document in parts, each under a uri of its own."));
    }
    Ok(())
}

/// Writes the row and its chunks; the old chunks go.
fn write(tx: &mut Tx<'_>, document: &Document, content: &str, texts: &[&str]) -> Result<(), Fault> {
    remove_chunks(tx, document.id)?;
    tx.connection.run(
        "INSERT INTO documents (id, uri, title, content, content_hash, bytes, chunks, project_id, task_id,
                                created_at, updated_at, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (id) DO UPDATE SET uri = excluded.uri, title = excluded.title,
             content = excluded.content, content_hash = excluded.content_hash, bytes = excluded.bytes,
             chunks = excluded.chunks, project_id = excluded.project_id, task_id = excluded.task_id,
             created_at = excluded.created_at, updated_at = excluded.updated_at,
             version = excluded.version",
        (
            document.id.row_id(),
            &document.uri,
            &document.title,
            content,
            &document.content_hash,
            document.bytes,
            document.chunks,
            document.project_id.map(ProjectId::row_id),
            document.task_id.map(TaskId::row_id),
            document.created_at.as_millis(),
            document.updated_at.as_millis(),
            document.version,
        ),
    )?;
    let heading = format!("{} {}", document.title, document.uri);
    for (place, text) in texts.iter().enumerate() {
        let id = tx.new_row_id();
        tx.connection.run(
            "INSERT INTO chunks (id, document_id, heading, text) VALUES (?1, ?2, ?3, ?4)",
            (id, document.id.row_id(), if place == 0 { heading.as_str() } else { "" }, *text),
        )?;
    }
    Ok(())
}

/// Writes a document as another store had it; what follows from its content is made anew.
pub(super) fn adopt(tx: &mut Tx<'_>, mut document: Document, content: &str) -> Result<(), Fault> {
    let texts = chunks::cut(content);
    document.content_hash = hex(&Sha256::digest(content));
    document.bytes = content.len() as i64;
    document.chunks = texts.len() as i64;
    write(tx, &document, content, &texts)
}

fn remove_chunks(tx: &mut Tx<'_>, document: DocumentId) -> Result<(), Fault> {
    tx.retire_ids()?;
    tx.connection.run("DELETE FROM chunks WHERE document_id = ?1", (document.row_id(),))?;
    Ok(())
}

/// Removes the document for good and returns it as it was; its origin still has the text.
fn remove(tx: &mut Tx<'_>, stored: Document) -> Result<Document, Fault> {
    remove_chunks(tx, stored.id)?;
    tx.connection.run("DELETE FROM documents WHERE id = ?1", (stored.id.row_id(),))?;
    let difference = Difference { before: history::object(&stored)?, ..Difference::default() };
    tx.record(Entry {
        entity: EntityKind::Document,
        row_id: stored.id.row_id(),
        action: Action::Deleted,
        version: stored.version + 1,
        texts: Texts::of(&difference)?,
        affects: Vec::new(),
        undoes: None,
    })?;
    Ok(stored)
}

fn put_down(tx: &mut Tx<'_>, document: &Document, texts: Texts) -> Result<(), Fault> {
    tx.record(Entry {
        entity: EntityKind::Document,
        row_id: document.id.row_id(),
        action: Action::Indexed,
        version: document.version,
        texts,
        affects: Vec::new(),
        undoes: None,
    })
}

/// The first heading or line with something on it; the uri when there is none.
fn title_of(content: &str, uri: &str) -> String {
    content
        .lines()
        .map(|line| line.trim_start_matches('#').trim())
        .find(|line| line.chars().any(char::is_alphanumeric))
        .map_or_else(|| uri.to_owned(), |line| line.chars().take(TITLE_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_line_that_says_something() {
        assert_eq!(title_of("\n---\n\n## Setup\ntext", "a.md"), "Setup");
        assert_eq!(title_of(" \n***\n", "a.md"), "a.md");
    }
}
