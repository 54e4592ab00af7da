//! The model's claims: held by one worker, until they are given back or run out.

use std::collections::BTreeSet;

use shared_types::{ErrorCode, task::Status};

use super::{Answer, Claim, Model, Reply};

/// How long a claim holds, in milliseconds.
const LEASE: i64 = 900_000;

impl Model {
    pub(super) fn active(&self, task: usize) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.active && claim.task == task)
    }

    pub(super) fn end_claim(&mut self, task: usize) {
        self.claims.iter_mut().filter(|claim| claim.task == task).for_each(|claim| claim.active = false);
    }

    pub(super) fn claim_named(&mut self, task: usize, worker: &str) -> Answer {
        self.live(task)?;
        let held = self.claims.iter().position(|claim| claim.active && claim.task == task);
        if let Some(held) = held {
            if self.claims[held].worker == worker {
                self.claims[held].expires = self.now + LEASE;
                return Ok(Reply { claim: Some(held), ..self.reply(task) });
            }
            if self.claims[held].expires > self.now {
                return Err(ErrorCode::AlreadyClaimed);
            }
        }
        let begun = matches!(self.tasks[task].fields.status, Status::Todo | Status::Doing);
        if !begun || !self.waiting_for(task).is_empty() {
            return Err(ErrorCode::NotReady);
        }
        Ok(self.begin(task, worker))
    }

    pub(super) fn claim_next(&mut self, worker: &str) -> Reply {
        let silent = |task| {
            let over = self.active(task).is_some_and(|claim| claim.expires <= self.now);
            over && self.waiting_for(task).is_empty()
        };
        match self.queue(|task| self.is_ready(task) || silent(task)).first() {
            Some(task) => self.begin(*task, worker),
            None => Reply::default(),
        }
    }

    fn begin(&mut self, task: usize, worker: &str) -> Reply {
        self.end_claim(task);
        let expires = self.now + LEASE;
        self.claims.push(Claim { task, worker: worker.to_owned(), expires, active: true });
        let mut after = self.tasks[task].fields.clone();
        after.status = Status::Doing;
        after.assignee = Some(worker.to_owned());
        let reply = self.save(task, after, None, true, false).unwrap_or_default();
        Reply { claim: Some(self.claims.len() - 1), ..reply }
    }

    /// The claim that is meant, if it is still held.
    fn held(&self, number: usize) -> Result<usize, ErrorCode> {
        let claim = self.claim(number).ok_or(ErrorCode::NotFound)?;
        if self.claims[claim].active { Ok(claim) } else { Err(ErrorCode::LeaseLost) }
    }

    pub(super) fn keep(&mut self, number: usize) -> Answer {
        let claim = self.held(number)?;
        self.claims[claim].expires = self.now + LEASE;
        Ok(Reply { claim: Some(claim), ..self.reply(self.claims[claim].task) })
    }

    pub(super) fn release(&mut self, number: usize) -> Answer {
        let claim = self.held(number)?;
        let task = self.claims[claim].task;
        self.end_claim(task);
        let mut after = self.tasks[task].fields.clone();
        after.status = Status::Todo;
        after.assignee = None;
        let reply = self.save(task, after, None, false, false)?;
        Ok(Reply { claim: Some(claim), unblocked: BTreeSet::new(), ..reply })
    }
}
