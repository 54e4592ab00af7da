// The ways in which text becomes HTML on the pages of others, none of which sanitizes.
import MarkdownIt from 'markdown-it';
import { marked } from 'marked';

const markdownIt = new MarkdownIt({ html: true, linkify: true });

export const SINKS = {
  innerHTML: { toHtml: (text) => text, isMarkdown: false },
  marked: { toHtml: (text) => marked.parse(text), isMarkdown: true },
  'markdown-it': { toHtml: (text) => markdownIt.render(text), isMarkdown: true },
};
