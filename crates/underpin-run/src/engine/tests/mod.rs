//! The engine as its clients and its operator see it: text in, answers out, crashes in between.

mod admin;
mod club;
mod crash;
mod cuts;
mod edges;
mod export;
mod flows;
mod house;
mod matrix;
mod measure;
mod merging;
mod parts;
mod points;
mod reads;
mod succession;
mod trials;
mod wider;
