// What is live on the pages of simulations.
"use strict";

const messagesPart = document.querySelector("[data-messages]");

const renderMessages = async () => {
  const rows = messagesPart.querySelector("[data-message-rows]");
  if (!rows || messagesPart.hidden) return;
  try {
    const answer = await fetch(messagesPart.dataset.messages, { headers: { accept: "application/json" } });
    if (!answer.ok) return;
    const { messages } = await answer.json();
    messagesPart.querySelector("[data-no-messages]").hidden = messages.length > 0;
    rows.closest(".scroll").hidden = messages.length === 0;
    rows.replaceChildren(...messages.map(({ at, device, body }) => {
      const row = document.createElement("tr"), time = document.createElement("time"), text = document.createElement("code");
      const cells = [time, device, text].map((content) => {
        const cell = document.createElement("td");
        cell.append(content);
        return cell;
      });
      time.textContent = at;
      text.textContent = body;
      row.append(...cells);
      return row;
    }));
  } catch { say("Not connected; trying again"); }
};

if (messagesPart) setInterval(() => { if (!document.hidden) renderMessages(); }, 2000);
