const find = id => document.getElementById(id);
const [log, here, state, text, down] = ["log", "here", "state", "text", "down"].map(find);

// ---- name and room

const room = decodeURIComponent(location.pathname.split("/").pop());
let name = localStorage.getItem("name");
find("room").textContent = room;
document.title = "#" + room;

function ask() {
  find("name").value = name ?? "";
  find("where").value = room;
  find("welcome").showModal();
}
find("rename").onclick = ask;
find("welcome").oncancel = event => { if (!name) event.preventDefault() };
find("enter").onsubmit = () => {
  const [chosen, where] = [find("name").value.trim(), find("where").value];
  if (!chosen) return ask();
  const changed = chosen !== name;
  localStorage.setItem("name", name = chosen);
  if (where !== room) return location.assign("/rooms/" + where);
  if (changed) connect();
  text.focus();
};

// ---- the connection, which reconnects by itself

let socket, last, failures = 0, timer;

function connect() {
  clearTimeout(timer);
  if (socket) { socket.onclose = null; socket.close() }
  find("rename").textContent = name;
  const url = new URL(`/rooms/${room}/socket`, location.href.replace(/^http/, "ws"));
  url.searchParams.set("name", name);
  // Asks for the messages after the last one that is shown.
  if (last) url.searchParams.set("after", last);
  socket = new WebSocket(url);
  socket.onopen = () => { failures = 0; show("live", "live") };
  socket.onmessage = event => hear(JSON.parse(event.data));
  socket.onclose = event => {
    // The reason says why our message was refused. Sending it again would not help.
    if (event.code === 1007) note("Not sent: " + event.reason);
    // Doubles with each failure, with jitter so that clients do not reconnect all at once.
    const wait = Math.min(30_000, 500 * 2 ** failures++) * (.5 + Math.random() / 2);
    show("away", "away, coming back");
    timer = setTimeout(connect, wait);
  };
}
addEventListener("online", () => { if (name && socket?.readyState !== WebSocket.OPEN) connect() });

function show(kind, what) {
  state.className = kind;
  state.textContent = what;
  find("say").querySelector("button").disabled = kind !== "live";
}

// ---- received messages

let people = [];

function hear(message) {
  if ("text" in message) said(message);
  else if (message.members) crowd(message.members);
  else if (message.joined) { crowd([...people, message.joined]); note(message.joined + " came") }
  else if (message.left) { crowd(people.filter(one => one !== message.left)); note(message.left + " left") }
  else if ("lagged" in message) note("Some messages are missing here");
}

function crowd(all) {
  people = all;
  find("count").textContent = all.length;
  here.replaceChildren(...all.map(one => element("li", {}, face(one), one === name ? one + " (you)" : one)));
}

function said({ id, who, text, at }) {
  last = id;
  const when = new Date(at), before = log.lastElementChild;
  const again = before?.dataset.who === who && when - before.dataset.at < 5 * 60_000;
  const clock = element("time", { dateTime: when.toISOString(), title: when.toLocaleString() },
    when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  const item = element("li", { className: `said ${who === name ? "mine" : ""} ${again ? "again" : ""}` },
    face(who), element("span", { className: "head" }, element("b", {}, who), clock), element("p", {}, text));
  item.style.setProperty("--hue", hue(who));
  Object.assign(item.dataset, { who, at });
  add(item);
}

function note(what) { add(element("li", { className: "note" }, what)) }

function add(item) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  log.append(item);
  while (log.childElementCount > 500) log.firstElementChild.remove();
  if (atEnd) log.scrollTo({ top: log.scrollHeight, behavior: "instant" });
  else down.hidden = false;
}
log.onscroll = () => { if (log.scrollHeight - log.scrollTop - log.clientHeight < 80) down.hidden = true };
down.onclick = () => log.scrollTo({ top: log.scrollHeight });

function face(who) {
  const round = element("span", { className: "face", ariaHidden: true }, [...who][0].toUpperCase());
  round.style.setProperty("--hue", hue(who));
  return round;
}

function hue(who) { return [...who].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7) }

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// ---- sent messages

find("say").onsubmit = event => {
  event.preventDefault();
  // A text that cannot be sent stays in the field.
  if (!text.value.trim() || socket?.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ text: text.value }));
  text.value = "";
  log.scrollTo({ top: log.scrollHeight });
};
text.onkeydown = event => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  find("say").requestSubmit();
};

if (name) { connect(); text.focus() } else ask();
