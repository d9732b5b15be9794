//! The engine as its clients and its operator see it: text in, answers out, crashes in between.

mod admin;
mod club;
mod crash;
mod cuts;
mod edges;
mod export;
mod feeds;
mod flows;
mod house;
mod keep;
mod limits;
mod mail;
mod matrix;
mod measure;
mod merging;
mod operate;
mod overload;
mod parts;
mod points;
mod posted;
mod reads;
mod succession;
mod trials;
mod wider;
