// A page that stays true while it is open.
//
//   an event in the stream ──> the part [data-live] is asked again ──> morphed into the new one
//
// The stream only says that something happened; what is shown always comes from the server, so
// an event that is missed, or told twice, cannot make the page wrong. Under the pointer, and
// around what has the focus, nothing moves: what would move waits behind a small button.
(() => {
  const QUIET_REFRESH = 30e3; // freshness and components change without an event
  const HIDDEN_REFRESH = 60e3; // a tab that nobody sees still shows the worst in its title
  const HIDDEN_AFTER = 10e3; // browsers open six connections to one host, so hidden tabs give theirs back
  const POINTER_RESTS = 5 * 60e3; // a wall has a forgotten pointer somewhere
  const SAY_EVERY = 15e3;

  const part = () => document.querySelector("[data-live]");
  if (!part() || !window.htmx || !window.EventSource) return;
  const live = document.getElementById("live");
  const pending = document.getElementById("pending");
  const said = document.getElementById("say");
  const kinds = ["opened", "updated", "resolved", "reopened", "edited", "changed", "withdrawn"].map((word) => `incident.${word}`)
    .concat(["scheduled", "started", "updated", "completed", "edited", "changed", "withdrawn"].map((word) => `maintenance.${word}`))
    .concat(["component.changed", "page.unreadable", "page.readable", "page.moved", "page.gap", "monitor.offline", "monitor.online"]);

  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  document.documentElement.classList.add("is-live");

  // --- what is said of the line -----------------------------------------------------------
  let lostAt = null;
  const isLive = (is) => {
    if (is) lostAt = null;
    else lostAt ??= new Date();
    live.hidden = false;
    live.classList.toggle("lost", !is);
    const text = is ? "live" : `not live since ${clock.format(lostAt)}`;
    if (live.textContent !== text) live.textContent = text;
  };

  // --- the part that changes ---------------------------------------------------------------
  let waiting = null; // the newest text, while it must not be shown
  let asking = null;
  let refreshes = 0;

  const refresh = async () => {
    const mine = ++refreshes;
    asking?.abort();
    const abort = new AbortController();
    asking = abort;
    try {
      const headers = { "HX-Request": "true", Accept: "text/html" };
      const answer = await fetch(location.href, { headers, signal: abort.signal, cache: "no-store" });
      if (!answer.ok || answer.redirected) throw new Error(`answered ${answer.status}`);
      const text = await answer.text();
      if (mine === refreshes) show(text);
      // A stream that was open all the time does not say so again.
      if (stream?.readyState === EventSource.OPEN) isLive(true);
      return true;
    } catch {
      return abort.signal.aborted;
    } finally {
      if (asking === abort) asking = null;
    }
  };

  let soon = null;
  const refreshSoon = (after) => {
    soon ??= setTimeout(() => {
      soon = null;
      refresh();
    }, after);
  };

  const show = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html").getElementById(part().id);
    if (!fresh) return;
    if (!isSteady()) {
      swap(text);
      return;
    }
    const changes = count(fresh);
    changeInPlace(fresh);
    waiting = changes ? text : null;
    pending.hidden = !changes;
    pending.textContent = changes === 1 ? "1 change" : `${changes} changes`;
    if (!changes) part().dataset.cursor = fresh.dataset.cursor;
  };

  const swap = async (text) => {
    waiting = null;
    pending.hidden = true;
    const before = new Set(keys(part()).map(([id]) => id));
    await htmx.swap({ text, target: part(), swap: "outerMorph", sourceElement: part() });
    const now = part();
    now.querySelectorAll("[data-key][data-revision]").forEach((one) => one.classList.toggle("arrived", !before.has(one.id)));
    nameTab();
  };

  const nameTab = () => {
    const { title, icon } = part().dataset;
    if (title) document.title = title;
    const link = document.getElementById("favicon");
    if (icon && link.getAttribute("href") !== icon) link.setAttribute("href", icon);
  };

  // --- the rule of the pointer ---------------------------------------------------------------
  let over = false;
  let movedAt = 0;
  const isSteady = () => {
    const focused = document.querySelector("[data-steady] :focus-visible");
    return Boolean(focused) || (over && Date.now() - movedAt < POINTER_RESTS);
  };
  const keys = (root) => [...root.querySelectorAll("[data-key]")].map((one) => [one.id, one.dataset.revision ?? ""]);

  // How many things would come, go, move or say something else.
  const count = (fresh) => {
    const old = keys(part());
    const now = keys(fresh);
    const revisions = new Map(old);
    const remain = new Set(now.map(([id]) => id));
    const gone = old.filter(([id]) => !remain.has(id)).length;
    const other = now.filter(([id, revision]) => revisions.get(id) !== revision).length;
    const order = (list, has) => list.map(([id]) => id).filter((id) => has(id)).join();
    const moved = order(old, (id) => remain.has(id)) !== order(now, (id) => revisions.has(id));
    return gone + other || Number(moved);
  };

  // What has its place and its size whatever it says may say it at once.
  const changeInPlace = (fresh) => {
    const copy = (from, to) => {
      if (!to || from.isEqualNode(to)) return;
      to.className = from.className;
      to.replaceChildren(...from.cloneNode(true).childNodes);
      to.dispatchEvent(new CustomEvent("bellbuoy:shown", { bubbles: true }));
    };
    for (const one of fresh.querySelectorAll("[data-quiet]")) {
      const link = document.getElementById(one.id);
      if (!link) continue;
      link.className = one.className;
      copy(one.firstElementChild, link.firstElementChild);
    }
    for (const one of fresh.querySelectorAll("[data-part]")) {
      const holder = one.closest("[data-key]");
      copy(one, holder && document.getElementById(holder.id)?.querySelector(`[data-part="${one.dataset.part}"]`));
    }
  };

  const settle = () => {
    if (waiting !== null && !isSteady()) swap(waiting);
  };
  document.addEventListener("pointermove", (event) => {
    movedAt = Date.now();
    const is = event.pointerType !== "touch" && Boolean(event.target.closest?.("[data-steady]"));
    if (over && !is) setTimeout(settle, 120);
    over = is;
  }, { passive: true });
  document.documentElement.addEventListener("pointerleave", () => {
    over = false;
    setTimeout(settle, 120);
  });
  document.addEventListener("focusout", () => setTimeout(settle, 120));
  pending.addEventListener("click", () => {
    if (waiting !== null) swap(waiting);
  });

  // --- what is said aloud ----------------------------------------------------------------------
  let news = [];
  let saidAt = 0;
  const sayLater = (text) => {
    news.push(text);
    if (news.length > 1) return;
    setTimeout(() => {
      said.textContent = news.length > 3 ? `${news.length} changes` : news.join(". ");
      news = [];
      saidAt = Date.now();
    }, Math.max(1000, saidAt + SAY_EVERY - Date.now()));
  };
  const worthSaying = (kind) => /^(incident\.(opened|resolved|reopened)|page\.unreadable|monitor\.)/.test(kind);
  const sentence = (kind, data) => {
    const about = data.incident ? `${data.incident.title}, ` : "";
    return `${data.provider.name}: ${about}${kind.replace(".", " ")}`;
  };

  // --- the stream --------------------------------------------------------------------------------
  let stream = null;
  let last = part().dataset.cursor;
  let again = null;
  let patience = 1e3;

  const place = (cursor) => {
    const at = cursor.lastIndexOf(":");
    return [cursor.slice(0, at), Number(cursor.slice(at + 1))];
  };
  const happened = (event) => {
    const [log, seq] = place(event.lastEventId);
    const [known, before] = place(last);
    if (log === known && seq <= before) return;
    last = event.lastEventId;
    document.dispatchEvent(new CustomEvent("bellbuoy:event", { detail: { id: last, kind: event.type } }));
    refreshSoon(250);
    if (!worthSaying(event.type)) return;
    try {
      sayLater(sentence(event.type, JSON.parse(event.data).data));
    } catch {
      // What cannot be said is still shown.
    }
  };

  const connect = () => {
    if (stream || document.hidden) return;
    stream = new EventSource(`${part().dataset.stream}?after=${encodeURIComponent(last)}`);
    const mine = stream;
    mine.addEventListener("open", () => {
      patience = 1e3;
      isLive(true);
      refreshSoon(0);
    });
    kinds.forEach((kind) => mine.addEventListener(kind, happened));
    mine.addEventListener("error", () => {
      if (mine !== stream) return;
      isLive(false);
      if (mine.readyState === EventSource.CLOSED) reconnect();
    });
  };
  const disconnect = () => {
    stream?.close();
    stream = null;
    clearTimeout(again);
    again = null;
  };
  // Refused: perhaps this place in the log is no more. The page itself says where it is now.
  const reconnect = () => {
    disconnect();
    again = setTimeout(async () => {
      if (await refresh()) {
        const [log] = place(part().dataset.cursor);
        if (log !== place(last)[0]) last = part().dataset.cursor;
      }
      connect();
    }, patience);
    patience = Math.min(patience * 2, 30e3);
  };

  // --- seen and not seen ---------------------------------------------------------------------------
  let clockwork = null;
  const tick = (every) => {
    clearInterval(clockwork);
    clockwork = setInterval(async () => {
      if (!(await refresh())) isLive(false);
    }, every);
  };
  let leaving = null;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(leaving);
    if (document.hidden) {
      tick(HIDDEN_REFRESH);
      leaving = setTimeout(disconnect, HIDDEN_AFTER);
    } else {
      tick(QUIET_REFRESH);
      refresh();
      connect();
    }
  });
  // A page that waits in the history must not hold a connection.
  window.addEventListener("pagehide", disconnect);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) connect();
  });

  // --- the filter ------------------------------------------------------------------------------------
  document.addEventListener("htmx:config:request", (event) => {
    // What is not asked for need not stand in the address.
    const { body } = event.detail.ctx.request;
    for (const [name, value] of [...body.entries()]) if (!value) body.delete(name);
  });
  document.addEventListener("htmx:after:swap", nameTab);

  tick(QUIET_REFRESH);
  connect();
})();
