/**
 * The elements of a page, as a browser parses them (HTML Living Standard 13.2). Only elements and style sheets are
 * kept.
 */
import type { html, Token, TreeAdapter, TreeAdapterTypeMap } from 'parse5';

export interface HtmlElement {
  /** In lower case, as browsers have it. */
  readonly name: string;
  /** False: of SVG or MathML. */
  readonly html: boolean;
  /** Names in lower case, `xlink:href` with its prefix; character references are decoded. */
  readonly attributes: ReadonlyMap<string, string>;
  /** It stands in the head. */
  readonly head: boolean;
  /** It stands in a template: it has no effect until a script uses it. */
  readonly inert: boolean;
  /** Of `style`: its content. */
  readonly text: string;
}

interface HtmlOptions {
  /** The content of `noscript` is text, as in a browser that runs scripts. */
  readonly scripting: boolean;
  /** Ends where the body begins. Default false. */
  readonly headOnly?: boolean;
}

/** The elements of `html` in the order in which they begin. */
export type HtmlReader = (html: string, options: HtmlOptions) => HtmlElement[];

/** Loads the parser: only where there is HTML to read. */
export async function htmlReader(): Promise<HtmlReader> {
  const { parse, html } = await import('parse5');
  return (text, options) => {
    const found: Node[] = [];
    const settings = { scriptingEnabled: options.scripting, treeAdapter: collector(html.NS.HTML, found, options) };
    try {
      parse<Nodes>(text, settings);
    } catch (error) {
      if (!(error instanceof HeadRead)) throw error;
    }
    return found;
  };
}

/** Thrown where the body begins, when only the head is wanted. */
class HeadRead extends Error {}

/** A node of the tree, which knows only its ancestors. */
class Node implements HtmlElement {
  text = '';
  readonly attributes = new Map<string, string>();
  parent: Node | null = null;
  head = false;
  inert = false;
  /** Of a document. */
  mode: html.DOCUMENT_MODE = 'no-quirks' as html.DOCUMENT_MODE;
  /** Of a template. */
  content: Node | undefined = undefined;

  constructor(
    readonly name: string,
    readonly namespace: string,
    readonly html: boolean,
    readonly given: Token.Attribute[],
  ) {
    this.adopt(given);
  }

  adopt(more: readonly Token.Attribute[]): void {
    for (const { prefix, name, value } of more) {
      const whole = prefix ? `${prefix}:${name}` : name.toLowerCase();
      if (!this.attributes.has(whole)) this.attributes.set(whole, value);
    }
  }
}

type Nodes = TreeAdapterTypeMap<Node, Node, Node, Node, Node, Node, Node, Node, Node, Node>;

/** Puts the elements into `found`. No node knows its children, and text is kept in style sheets alone. */
function collector(xhtml: string, found: Node[], { headOnly = false }: HtmlOptions): TreeAdapter<Nodes> {
  const bare = (): Node => new Node('', '', false, []);
  const put = (parent: Node, node: Node): void => {
    node.parent = parent;
  };
  const nothing = (): undefined => undefined;
  return {
    createDocument: bare,
    createDocumentFragment: bare,
    createCommentNode: bare,
    createTextNode: bare,
    createElement: (name, namespace, given) => new Node(name, namespace, namespace === xhtml, given),
    onElementCreated: (element, { intendedParent }) => {
      element.head = intendedParent.head || (element.html && element.name === 'head');
      element.inert = intendedParent.inert;
      if (headOnly && element.html && (element.name === 'body' || element.name === 'frameset')) throw new HeadRead();
      found.push(element);
    },
    setTemplateContent: (template, content) => {
      // The content of a declarative shadow root is shown (HTML 4.12.3).
      content.inert = template.inert || !template.attributes.has('shadowrootmode');
      template.content = content;
    },
    getTemplateContent: (template) => template.content ?? template,
    appendChild: put,
    insertBefore: put,
    detachNode: (node) => {
      node.parent = null;
    },
    insertText: (parent, text) => {
      if (parent.name === 'style') parent.text += text;
    },
    insertTextBefore: nothing,
    adoptAttributes: (node, more) => node.adopt(more),
    getFirstChild: () => null,
    getChildNodes: () => [],
    getParentNode: (node) => node.parent,
    getAttrList: (node) => node.given,
    getTagName: (node) => node.name,
    getNamespaceURI: (node) => node.namespace as html.NS,
    getTextNodeContent: () => '',
    getCommentNodeContent: () => '',
    getDocumentTypeNodeName: () => '',
    getDocumentTypeNodePublicId: () => '',
    getDocumentTypeNodeSystemId: () => '',
    isTextNode: (_node): _node is Node => false,
    isCommentNode: (_node): _node is Node => false,
    isDocumentTypeNode: (_node): _node is Node => false,
    isElementNode: (node): node is Node => node.name !== '',
    setDocumentType: nothing,
    setDocumentMode: (document, mode) => {
      document.mode = mode;
    },
    getDocumentMode: (document) => document.mode,
    getNodeSourceCodeLocation: nothing,
    setNodeSourceCodeLocation: nothing,
    updateNodeSourceCodeLocation: nothing,
  };
}
