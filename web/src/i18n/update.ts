// The texts of updates of communication managers.
import { addTexts } from '.'
import en from './update.en.json'
import chinese from './update.zh-CN.json'

addTexts(chinese, en)
