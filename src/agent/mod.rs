//! The agent: does by itself, whenever it becomes possible, what a person would do by command.

mod schedule;
mod state;

pub use schedule::{Ended, Schedule};
pub use state::{AgentState, agent_state};
