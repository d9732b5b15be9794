//! All rows of a query as a file that is made while it is sent. Must not know where rows come
//! from.

use super::reply::shown;
use super::{Admitted, Api, asked_of};
use crate::backend::{ExportAnswer, Pending, QueryRequest, Refusal, ShownRow};
use crate::serve::http::Answer;
use crate::serve::stream::Pieces;
use hyper::StatusCode;
use hyper::body::Bytes;
use serde_json::Value as Json;
use std::io;
use std::sync::Arc;
use tokio::sync::mpsc::Receiver;
use underpin_brief::model::{Id, Query};
use underpin_contract::{Contract, ExportFormat, ExportReply, Operation, Reply};

impl Api {
    pub(super) async fn export(
        &self,
        admitted: Admitted<'_>,
        query: Id<Query>,
        format: ExportFormat,
    ) -> Answer {
        let Admitted {
            operation,
            arguments,
            asked,
            ..
        } = admitted;
        let Some(at) = self.place_of(operation) else {
            return self.defect();
        };
        let asked = QueryRequest {
            limit: u32::MAX,
            ..asked_of(query, asked, arguments)
        };
        let rows = match self.backend.export(asked).await {
            ExportAnswer::Rows(rows) => rows,
            ExportAnswer::Refused(refused) => return self.refused(&refused),
        };
        let file = Lines {
            contract: Arc::clone(&self.contract),
            at,
            query,
            rows,
            headed: format == ExportFormat::JsonLines,
        };
        let media = match format {
            ExportFormat::Csv => "text/csv; charset=utf-8; header=present",
            ExportFormat::JsonLines => "application/x-ndjson",
        };
        let name = format!(
            "attachment; filename=\"{}.{}\"",
            self.name_of(query),
            format.ending()
        );
        Answer::streamed(StatusCode::OK, media, file).header("content-disposition", &name)
    }

    fn place_of(&self, operation: &Operation) -> Option<usize> {
        let same = |known: &Operation| known.source == operation.source;
        self.contract.operations.iter().position(same)
    }

    fn name_of(&self, query: Id<Query>) -> &str {
        let page = self.contract.query(query);
        page.map_or("export", |operation| &operation.name)
    }
}

/// The lines of a file.
struct Lines {
    contract: Arc<Contract>,
    /// The operation, by its place in the contract.
    at: usize,
    query: Id<Query>,
    rows: Receiver<Result<Vec<ShownRow>, Refusal>>,
    /// Whether the line of names is out.
    headed: bool,
}

impl Lines {
    fn reply(&self) -> Option<&ExportReply> {
        match &self.contract.operations.get(self.at)?.reply {
            Reply::Export(reply) => Some(reply),
            _ => None,
        }
    }

    fn text(&self, rows: &[ShownRow]) -> String {
        let Some(reply) = self.reply() else {
            return String::new();
        };
        let mut text = String::new();
        for row in rows {
            let value = |column| shown(self.query, row, column);
            let row = Json::Object(reply.projection.render(&self.contract.components, &value));
            match reply.format {
                ExportFormat::Csv => text.push_str(&reply.table.row(&row)),
                ExportFormat::JsonLines => {
                    text.push_str(&row.to_string());
                    text.push('\n');
                }
            }
        }
        text
    }
}

impl Pieces for Lines {
    fn next(&mut self) -> Pending<'_, Option<io::Result<Bytes>>> {
        Box::pin(async move {
            if !std::mem::replace(&mut self.headed, true)
                && let Some(reply) = self.reply()
            {
                return Some(Ok(reply.table.head().into()));
            }
            Some(match self.rows.recv().await? {
                Ok(rows) => Ok(self.text(&rows).into()),
                // What is out cannot be called back: the file must not look whole.
                Err(refused) => Err(io::Error::other(refused.code)),
            })
        })
    }
}
