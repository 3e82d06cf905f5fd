mod expansion;
mod limits;
mod templates;
