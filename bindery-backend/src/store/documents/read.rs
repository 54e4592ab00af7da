//! `get_document` and `list_documents`.

use guard::suggest::nearest;
use rusqlite::Connection;
use shared_types::{
    DocumentId, Error, ErrorCode,
    document::{Document, DocumentPage, DocumentRead, GetDocument, ListDocuments},
    operation,
};

use super::{DocumentRow, select_documents};
use crate::{
    handle::{Caller, Handle},
    store::{
        Store,
        cursor::{Cursor, Order},
        fault::Fault,
        resolve,
        sql::Sql,
    },
};

/// Rows on a page when the caller does not say.
const LIMIT: i64 = 50;

/// The most rows on a page.
const MOST: i64 = 1000;

/// How many of the newest names are candidates for a suggestion.
const CANDIDATES: i64 = 200;

impl Handle<operation::GetDocument> for Store {
    async fn handle(&self, input: GetDocument, _: &Caller) -> Result<DocumentRead, Error> {
        self.read("documents.get", move |connection| match find(connection, &input.document_id)? {
            Some(document) => Ok(DocumentRead { document }),
            None => Err(unknown(connection, &input.document_id)?.into()),
        })
        .await
    }
}

/// By uri or by id; a uri that looks like an id is still a uri.
fn find(connection: &Connection, name: &str) -> Result<Option<Document>, Fault> {
    let row: Option<DocumentRow> = connection.first(
        "SELECT id, uri, title, content_hash, bytes, chunks, project_id, task_id, created_at, updated_at,
                version, content
         FROM documents WHERE uri = ?1 OR id = ?2 ORDER BY uri = ?1 DESC LIMIT 1",
        (name, name.parse().map_or(-1, DocumentId::row_id)),
    )?;
    Ok(row.map(DocumentRow::into_document))
}

fn unknown(connection: &Connection, name: &str) -> Result<Error, Fault> {
    let uris: Vec<String> =
        connection.all("SELECT uri FROM documents ORDER BY id DESC LIMIT ?1", (CANDIDATES,))?;
    let error = Error::new(ErrorCode::NotFound, format!("there is no document \"{name}\"")).at("document_id");
    Ok(match nearest(name, uris.iter().map(String::as_str)) {
        Some(uri) => error.with("nearest", uri).suggest(format!("Did you mean \"{uri}\"?")),
        None => error.suggest("Find it with search_entities types=[\"document\"]."),
    })
}

impl Handle<operation::ListDocuments> for Store {
    async fn handle(&self, input: ListDocuments, _: &Caller) -> Result<DocumentPage, Error> {
        let after = input.cursor.as_deref().map(|text| Cursor::read(text, Order::Newest)).transpose()?;
        let limit = input.limit.unwrap_or(LIMIT).clamp(1, MOST);
        let before = after.map_or(i64::MAX, |cursor| cursor.id);
        self.read_aside("documents.list", move |connection| {
            let project = match &input.project_id {
                Some(reference) => Some(resolve::project(connection, reference, "project_id")?.row_id()),
                None => None,
            };
            let rows: Vec<DocumentRow> = connection.all(
                select_documents!(
                    "WHERE d.id < ?1 AND (?2 IS NULL OR d.project_id = ?2) ORDER BY d.id DESC LIMIT ?3"
                ),
                (before, project, limit + 1),
            )?;
            Ok(page(rows, limit))
        })
        .await
    }
}

fn page(rows: Vec<DocumentRow>, limit: i64) -> DocumentPage {
    let more = rows.len() as i64 > limit;
    let documents: Vec<Document> =
        rows.into_iter().take(limit as usize).map(DocumentRow::into_document).collect();
    let last = documents.last().filter(|_| more).map(|document| document.id.row_id());
    DocumentPage { documents, next_cursor: last.map(|id| Cursor { key: id, id }.write(Order::Newest)) }
}
